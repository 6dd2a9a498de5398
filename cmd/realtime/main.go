package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/alecthomas/kong"
)

// commands is the command line: names and flags are fixed, because other
// people's scripts use them.
type commands struct {
	Serve   serveCommand    `cmd:"" aliases:"start" help:"Run the server, with a database of its own unless DB_HOST is set."`
	Token   tokenCommands   `cmd:"" help:"Make a token for a client."`
	DB      dbCommands      `cmd:"" name:"db" help:"Say where the database is."`
	Changes changesCommands `cmd:"" help:"Explain and print changes of the database as a user gets them."`
	Policy  policyCommands  `cmd:"" help:"Say what the policies of private channels let a user do."`
	Migrate migrateCommand  `cmd:"" help:"Bring the tenant rows and the tenants' databases up to date, as serve does by itself."`
	Sub     subCommand      `cmd:"" help:"Join a channel and print what arrives."`
	Pub     pubCommand      `cmd:"" help:"Send one broadcast to a channel."`
	Config  configCommands  `cmd:"" help:"Check or show the configuration."`
	Errors  errorsCommand   `cmd:"" help:"Explain an error code, or list all."`
	Bench   benchCommands   `cmd:"" help:"Load a server and say what it took."`
	Version versionCommand  `cmd:"" help:"Print the version."`
	Eval    evalCommand     `cmd:"" hidden:"" help:"Answer what scripts ask of the original's container."`
	Gen     genCommand      `cmd:"" hidden:"" help:"Write the generated documents."`
}

// newCommands is the command line before anything was parsed.
func newCommands() *commands {
	c := &commands{}
	c.Serve.Settings, c.Config.Check.Settings, c.Config.Show.Settings = newSettingFlags(), newSettingFlags(), newSettingFlags()
	return c
}

// process is what a command may use of the process it runs in. Tests put their
// own in its place.
type process struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        func() []string   // os.Environ
	flags          map[string]string // settings given as flags, by variable
	self           string            // how this program was called
	terminal       bool              // stdout is one
	signals        <-chan os.Signal  // SIGINT and SIGTERM
	exit           func(code int)    // os.Exit: the second signal
}

// untilSignal returns a context that the first signal ends. Its goroutine ends
// with stop.
func (p *process) untilSignal(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	go func() { // ends with stop or a signal
		select {
		case <-p.signals:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

func main() {
	p := &process{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ, self: os.Args[0],
		terminal: isTerminal(os.Stdout), signals: notifySignals(), exit: os.Exit,
	}
	os.Exit(run(context.Background(), p, os.Args[1:]))
}

// run carries out one command line and returns the exit code.
func run(ctx context.Context, p *process, args []string) int {
	var helped bool
	parser, err := kong.New(newCommands(),
		kong.Name("realtime"),
		kong.Description("Broadcast, presence and database changes over WebSockets. Configuration is by flags, environment variables or a file: docs/configuration.md."),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(int) { helped = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(p),
	)
	if err != nil {
		return report(p.stderr, err)
	}
	if args = entryPoint(p.self, args); len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if helped {
		return exitOK
	}
	if bad := (*kong.ParseError)(nil); errors.As(err, &bad) {
		return report(p.stderr, &failure{err: err, mend: "see realtime --help", code: exitUsage})
	}
	if err == nil {
		err = parsed.Run()
	}
	return report(p.stderr, err)
}
