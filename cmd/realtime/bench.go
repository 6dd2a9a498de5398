package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/alecthomas/kong"

	"realtime/bench"
)

// benchCommands are the scenarios, one command each, and what is done with their results.
type benchCommands struct {
	Fanout      benchScenario `cmd:"" help:"One publisher, many subscribers."`
	Conns       benchScenario `cmd:"" help:"Connections that join one channel and say nothing: what each weighs."`
	Joins       benchScenario `cmd:"" help:"Visitors that connect, join and go."`
	Presence    benchScenario `cmd:"" help:"Members of one topic: how long until all see all, and what an update costs."`
	Changes     benchScenario `cmd:"" help:"Rows of a table to those who may see them (needs the database)."`
	DBBroadcast benchScenario `cmd:"" name:"db-broadcast" help:"Broadcasts by realtime.send in SQL (needs the database)."`
	Mixed       benchScenario `cmd:"" help:"Chat: 1,000 rooms of 20 members; with --churn, they come and go."`
	Compare     benchCompare  `cmd:"" help:"Compare two results that --json has written."`
	Claims      benchClaims   `cmd:"" help:"Check every claim of docs/claims.md."`
	Mob         benchMob      `cmd:"" hidden:"" help:"Act as the offenders that standard input orders."`
	Offenders   benchScenario `cmd:"" help:"Clients that behave badly (--kind): what the others notice, and what those are answered."`
	Slow        benchScenario `cmd:"" help:"Subscribers that stop reading: what the others notice."`
}

// benchScenario loads a server and says what it took.
type benchScenario struct {
	Subscribers int           `short:"s" placeholder:"N" help:"Connections that listen."`
	Channels    int           `placeholder:"N" help:"Channels that they share."`
	PerSocket   int           `placeholder:"N" help:"Channels on each connection."`
	Payload     int           `placeholder:"BYTES" help:"Size of each message's JSON."`
	Rate        float64       `placeholder:"N" help:"Messages a second; latencies count from when each was due."`
	Outstanding int           `placeholder:"N" help:"Without --rate: messages under way at a time."`
	Warmup      time.Duration `default:"1s" help:"Load before the measurement."`
	Duration    time.Duration `default:"5s" help:"Length of the measurement."`
	Serializer  string        `enum:"v1,v2,mixed" default:"v2" help:"Version of the protocol: v1, v2, or every other connection v1 (mixed)."`
	Threads     int           `default:"1" help:"Threads of the generator."`
	Policy      string        `enum:"none,uid,membership,opaque,opaque-once,own-row" default:"none" help:"changes: who may see rows."`
	Filter      string        `enum:"none,eq" default:"none" help:"changes: filter of each subscription."`
	Entitled    string        `enum:"all,one" default:"all" help:"changes: how many subscribers may see a row."`
	Batch       int           `placeholder:"ROWS" help:"changes: rows of each transaction."`
	ClaimBytes  int           `placeholder:"BYTES" help:"changes: size of each subscriber's claims."`
	Backlog     int           `placeholder:"ROWS" help:"changes: one transaction of so many rows to work off, beside a bare walsender."`
	Baseline    bool          `help:"changes: ask the original's functions in the database as well."`
	Stalled     float64       `placeholder:"SHARE" help:"slow: how many never read, as a share of the others."`
	Kind        string        `enum:"line-rate,never-reads,one-byte,half-open,storm" default:"line-rate" help:"offenders: what they do: ${enum}."`
	Offenders   int           `placeholder:"N" help:"offenders: how many."`
	Churn       bool          `help:"mixed: members join, leave, lose connections and stop reading."`
	Reuse       bool          `help:"joins: join and leave on connections that stand."`
	Private     bool          `help:"joins: private channels, under a policy that looks at a table."`
	Against     []string      `enum:"floor,nats" placeholder:"NAME,…" help:"fanout: measure these yardsticks as well, in turn: floor, nats (make peers)."`
	Peers       string        `placeholder:"DIR" help:"Where the yardsticks' programs are; unset: beside this one."`
	Repeat      int           `default:"1" help:"Repetitions, each with a server of its own under --spawn."`

	benchTarget
	benchOutput
}

// Run is called for whichever scenario was named.
func (b *benchScenario) Run(ctx context.Context, p *process, k *kong.Context) error {
	ctx, stop := p.untilSignal(ctx)
	defer stop()
	o := b.options(k.Selected().Name)
	var err error
	if o.Program, err = thisProgram(); err != nil {
		return benchFailure(err)
	}
	b.more = o.Server()
	report := &bench.Report{Title: "realtime bench " + o.Scenario, Commit: versionText()}
	for range b.Repeat {
		for _, server := range append([]string{""}, b.Against...) {
			res, err := b.once(ctx, p, o, server)
			if err != nil {
				return benchFailure(err)
			}
			report.Results = append(report.Results, res)
			if ctx.Err() != nil {
				return b.write(p, report)
			}
		}
	}
	return b.write(p, report)
}

func (b *benchScenario) options(name string) bench.Options {
	return bench.Options{
		Scenario: name, Subscribers: b.Subscribers, Channels: b.Channels, PerSocket: b.PerSocket, Payload: b.Payload, Rate: b.Rate,
		Outstanding: b.Outstanding, Warmup: b.Warmup, Duration: b.Duration, Serializer: b.Serializer, Threads: b.Threads,
		Policy: b.Policy, Filter: b.Filter, Entitled: b.Entitled, Batch: b.Batch, Claims: b.ClaimBytes, Backlog: b.Backlog, Baseline: b.Baseline,
		Stalled: b.Stalled, Kind: b.Kind, Offenders: b.Offenders, Churn: b.Churn, Reuse: b.Reuse, Private: b.Private,
	}
}

// once runs the scenario one time, on our server or a yardstick.
func (b *benchScenario) once(ctx context.Context, p *process, o bench.Options, yardstick string) (*bench.Result, error) {
	find := b.target
	if yardstick != "" {
		find = func(ctx context.Context, _ *process) (*bench.Target, func(), error) {
			return b.yardstick(ctx, yardstick)
		}
	}
	t, done, err := find(ctx, p)
	if err != nil {
		return nil, err
	}
	defer done()
	show := newProgress(p)
	defer show.clear()
	o.Show = show.update
	return bench.Run(ctx, o, t)
}

// benchMob is the process that the scenario offenders starts.
type benchMob struct{}

func (*benchMob) Run(ctx context.Context, p *process) error {
	ctx, stop := p.untilSignal(ctx)
	defer stop()
	if err := bench.Mob(ctx, p.stdin, p.stdout); err != nil {
		return benchFailure(err)
	}
	return nil
}

// benchTarget says which server is loaded.
type benchTarget struct {
	URL     string   `placeholder:"URL" help:"Address of the server; unset: the one that runs on this machine."`
	Host    string   `placeholder:"NAME" help:"Host header, which chooses the tenant of some servers."`
	Tenant  string   `placeholder:"ID" help:"Tenant, sent as x-tenant-id."`
	Token   string   `placeholder:"JWT" help:"Token to connect with; unset: one for each connection, signed with --secret."`
	Secret  string   `placeholder:"TEXT" help:"Secret to sign tokens with; unset: this machine's."`
	DB      string   `name:"db" placeholder:"URL" help:"Database of the server, for changes and db-broadcast; unset: the running server's."`
	PID     int      `name:"pid" placeholder:"N" help:"Process of the server, to count its CPU time; unset: the running server's."`
	Spawn   bool     `help:"Start a server of its own for this, with an empty database and no limits."`
	Program string   `placeholder:"FILE" help:"Program for --spawn; unset: this one."`
	more    []string // in the environment of a server that is started
}

// target finds or starts the server. The caller calls done at the end.
func (b *benchTarget) target(ctx context.Context, p *process) (t *bench.Target, done func(), err error) {
	if b.Spawn {
		program := b.Program
		if program == "" {
			if program, err = thisProgram(); err != nil {
				return nil, nil, err
			}
		}
		s, err := bench.Spawn(ctx, program, b.more...)
		if err != nil {
			return nil, nil, err
		}
		return s.Target, func() { _ = s.Close() }, nil // what is left is in the temporary directory
	}
	c, err := p.config()
	if err != nil {
		return nil, nil, err
	}
	t = &bench.Target{
		Name: "realtime", URL: b.URL, Host: b.Host, Tenant: b.Tenant, Token: b.Token, Secret: b.Secret, Database: b.DB, PID: b.PID,
	}
	if err := b.running(c, t); err != nil {
		return nil, nil, err
	}
	if t.Token == "" && t.Secret == "" {
		if t.Secret, err = jwtSecret(c); err != nil {
			return nil, nil, err
		}
	}
	return t, func() {}, nil
}

// running fills in what the server on this machine says about itself.
func (b *benchTarget) running(c *Config, t *bench.Target) error {
	if b.URL != "" {
		return nil
	}
	d, err := dataDirOf(c)
	if err != nil {
		return err
	}
	st, err := readState(d)
	if err != nil {
		return &failure{
			step: "find the server to load", err: fmt.Errorf("%w: %s", err, d),
			mend: "start one for this: add --spawn; or name one: --url=http://localhost:4000",
		}
	}
	t.URL, t.Version = st.URL, st.Version
	if t.Database == "" {
		t.Database = st.Database
	}
	if t.PID == 0 {
		t.FindProcesses(st.PID)
	}
	return nil
}

// yardstick starts one.
func (b *benchScenario) yardstick(ctx context.Context, name string) (*bench.Target, func(), error) {
	dir, err := beside(b.Peers)
	if err != nil {
		return nil, nil, err
	}
	s, err := bench.SpawnPeer(ctx, name, dir)
	if err != nil {
		return nil, nil, err
	}
	return s.Target, func() { _ = s.Close() }, nil // it has no files
}

// beside is the folder of the yardsticks: the one that was said, or this program's.
func beside(dir string) (string, error) {
	if dir != "" {
		return dir, nil
	}
	program, err := thisProgram()
	return filepath.Dir(program), err
}

// thisProgram is the file that runs, to be started again as a server or as offenders.
func thisProgram() (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	return program, nil
}

func benchFailure(err error) error {
	if errors.As(err, new(*failure)) || errors.As(err, new(*ConfigError)) {
		return err
	}
	return &failure{err: err}
}
