package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"realtime/bench"
)

// benchOutput says where the results go, besides the table on standard output.
type benchOutput struct {
	Report string `placeholder:"FILE" help:"Write one HTML page with plots."`
	JSON   string `name:"json" placeholder:"FILE" help:"Write the results as JSON; - is standard output, instead of the table."`
}

func (b *benchOutput) write(p *process, r *bench.Report) error {
	if b.Report != "" {
		if err := writeFile(b.Report, r.WriteHTML); err != nil {
			return &failure{step: "write the report", err: err}
		}
	}
	switch b.JSON {
	case "-":
		return r.WriteJSON(p.stdout)
	case "":
	default:
		if err := writeFile(b.JSON, r.WriteJSON); err != nil {
			return &failure{step: "write the results", err: err}
		}
	}
	if err := r.WriteTable(p.stdout); err != nil {
		return err
	}
	return r.WriteRatios(p.stdout)
}

// benchCompare prints ratios with their spread.
type benchCompare struct {
	A string `arg:"" type:"existingfile" help:"Results from before."`
	B string `arg:"" type:"existingfile" help:"Results from after."`
}

func (c *benchCompare) Run(p *process) error {
	a, err := bench.ReadReport(c.A)
	if err != nil {
		return benchFailure(err)
	}
	b, err := bench.ReadReport(c.B)
	if err != nil {
		return benchFailure(err)
	}
	return bench.WriteComparison(p.stdout, a, b)
}

func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	err = write(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// progress is one line on a terminal that says what goes on.
type progress struct {
	p     *process
	shown bool
	width int
}

func newProgress(p *process) *progress {
	f, ok := p.stderr.(*os.File)
	return &progress{p: p, shown: ok && isTerminal(f) && p.terminal}
}

func (s *progress) update(g bench.Progress) {
	if !s.shown {
		return
	}
	line := fmt.Sprintf("  %s on %s: %s", g.Scenario, g.Server, g.Phase)
	switch {
	case g.Of > 0:
		line += fmt.Sprintf(" %d of %d", g.Done, g.Of)
	case g.Planned > 0:
		line += fmt.Sprintf(" %.0f of %.0f s · %.0f messages/s", g.Elapsed.Seconds(), g.Planned.Seconds(), g.Delivered)
	}
	line += fmt.Sprintf(" · server %.2f, generator %.2f cores", g.ServerCores, g.OwnCores)
	s.draw(line)
}

// clear takes the line away.
func (s *progress) clear() {
	if s.width > 0 {
		s.draw("")
		fmt.Fprint(s.p.stderr, "\r")
	}
}

func (s *progress) draw(line string) {
	n := len([]rune(line))
	fmt.Fprintf(s.p.stderr, "\r%s%s", line, strings.Repeat(" ", max(0, s.width-n)))
	s.width = n
}
