package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"text/tabwriter"
)

// isTerminal reports whether a person is likely to read f as it is written.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull
}

// newLog returns the process's logger: unless the configuration says otherwise,
// lines for eyes on a terminal, JSON for whatever collects logs elsewhere.
func newLog(c *Config, w io.Writer, terminal bool) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.LogLevel, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindDuration {
			return slog.String(a.Key, a.Value.Duration().String()) // JSON would have a bare number of nanoseconds
		}
		return a
	}}
	var h slog.Handler = slog.NewJSONHandler(w, o)
	if c.LogFormat == "text" || terminal && c.LogFormat == "" {
		h = slog.NewTextHandler(w, o)
	}
	log := slog.New(logFields{h}).With("node", c.AppName)
	if c.Cluster != "" {
		log = log.With("cluster", c.Cluster)
	}
	if c.Region != "" {
		log = log.With("region", c.Region)
	}
	return log
}

// progress tells of a step that takes long enough to wonder about.
func (s *server) progress(step string) {
	if s.p.terminal {
		fmt.Fprintf(s.p.stdout, "  … %s\n", step)
		return
	}
	s.log.Info("starting", "step", step)
}

// welcome says that the server is ready: to a person, all that is needed for
// the next minute; to a log, one line.
func (s *server) welcome() {
	if !s.p.terminal {
		s.log.Info("realtime is ready", "url", s.url, "tenant", s.tenant, "version", versionText())
		return
	}
	w := tabwriter.NewWriter(s.p.stdout, 0, 0, 3, ' ', 0)
	line := func(name, text string) { fmt.Fprintf(w, "  %s\t%s\n", name, text) }
	fmt.Fprintf(w, "\nrealtime is ready at %s\n\n", s.url)
	line("Tenant", s.tenant)
	if s.c.Embedded() {
		line("Database", fmt.Sprintf("in %s (its address: %s db url)", s.dir.postgres(), s.p.self))
	} else {
		line("Database", fmt.Sprintf("%s on %s:%d", s.c.DB.Name, s.c.DB.Host, s.c.DB.Port))
	}
	line("Token", s.p.self+" token --role anon")
	line("Listen", s.p.self+" sub realtime:room")
	line("Inspector", s.url+"/inspector/new")
	line("Stop", "Ctrl-C")
	fmt.Fprintln(w)
	w.Flush()
}
