package authz

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"realtime/postgres"
)

// Bounds of one check.
const (
	// PolicyLimit is how long one statement, and so one policy, may take; a shorter statement_timeout of the database wins.
	PolicyLimit = 3 * time.Second
	// CheckLimit is how long all the questions of one request may take together.
	CheckLimit = 20 * time.Second
)

// statements are what a check is made of, by the names they are prepared under. Every segment that writes begins with a command
// about a savepoint, which fails outside of a transaction: whatever happened before it, no probe row is ever committed.
var statements = map[string]string{
	"authz_begin":    `begin isolation level read committed read write`,
	"authz_settings": settingsSQL,
	"authz_catalog":  catalogSQL,
	"authz_role":     `select pg_catalog.set_config('role', $1, true)`,
	"authz_outer":    `savepoint authz_outer`,
	"authz_to_outer": `rollback to savepoint authz_outer`,
	"authz_inner":    `savepoint authz_inner`,
	"authz_to_inner": `rollback to savepoint authz_inner`,
	"authz_write": `insert into realtime.messages (topic, extension, inserted_at, updated_at)
		select $1, $2, t, t from (values (pg_catalog.now() at time zone 'utc')) as v (t)`,
	"authz_rows": `insert into realtime.messages (id, topic, extension, inserted_at, updated_at)
		select v.id, $3, v.extension, t, t
		from (values ($1::pg_catalog.uuid, 'broadcast'), ($2::pg_catalog.uuid, 'presence')) as v (id, extension), (values (pg_catalog.now() at time zone 'utc')) as n (t)`,
	"authz_read":     `select true from realtime.messages where id = $1 and inserted_at = (pg_catalog.now() at time zone 'utc')`,
	"authz_rollback": `rollback`,
}

// check asks everything about one request in one transaction and one round trip. The segments of the pipeline end with a
// Sync each, so an error costs its own question alone; the time of each answer's arrival tells how long it took.
//
// What is known of the policies is not looked up again.
func check(ctx context.Context, conn *pgx.Conn, r *Request, known *catalog) (*Grants, *catalog, error) {
	if r.Role == "" || r.Role == "none" {
		return nobody(), nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, CheckLimit)
	defer cancel()
	for name, sql := range statements {
		if _, err := conn.Prepare(ctx, name, sql); err != nil { // costs nothing when it is done already
			return nil, nil, fmt.Errorf("prepare %s: %w", name, err)
		}
	}
	start := time.Now()
	p := conn.PgConn().StartPipeline(ctx)
	questions := script(r)
	if known != nil {
		questions[segCatalog] = nil
	}
	send(p, questions)
	answers, err := receive(p, start)
	if cerr := p.Close(); err == nil && cerr != nil {
		err = cerr
	}
	if err != nil {
		return nil, nil, err
	}
	g, c, err := judge(answers, known, start)
	if err != nil {
		return nil, nil, err
	}
	g.Took = time.Since(start)
	return g, c, nil
}

// command is one prepared statement with its parameters, as text.
type command struct {
	name string
	args [][]byte
}

// The segments of a check, in order.
const (
	segBegin = iota
	segCatalog
	segRole
	segWriteBroadcast
	segWritePresence
	segWritePersistence
	segRows
	segReadRole
	segReadBroadcast
	segReadPresence
	segEnd
	segments
)

// script is what a check sends. The rights to write are asked first, as the role; then, as who we are, one row for each
// extension is stored to be looked for as the role. A policy sees in them what it sees upstream: topic, extension, and
// the defaults of all else.
func script(r *Request) [segments][]command {
	topic, role := []byte(r.Topic), [][]byte{[]byte(r.Role)}
	ids := [2][]byte{newID(), newID()}
	limit := []byte(strconv.FormatInt(PolicyLimit.Milliseconds(), 10) + "ms")
	write := func(d Decision) command { return command{"authz_write", [][]byte{topic, []byte(d.Extension())}} }
	become := command{"authz_role", role}
	return [segments][]command{
		segBegin:            {{name: "authz_begin"}, {"authz_settings", [][]byte{topic, []byte(r.Claims), []byte(r.Subject), []byte(r.Role), r.headers(), limit}}},
		segCatalog:          {{"authz_catalog", role}},
		segRole:             {{name: "authz_outer"}, become, {name: "authz_inner"}},
		segWriteBroadcast:   {{name: "authz_to_inner"}, write(WriteBroadcast)},
		segWritePresence:    {{name: "authz_to_inner"}, write(WritePresence)},
		segWritePersistence: {{name: "authz_to_inner"}, write(WritePersistence)},
		segRows:             {{name: "authz_to_outer"}, {"authz_rows", [][]byte{ids[0], ids[1], topic}}},
		segReadRole:         {become, {name: "authz_inner"}},
		segReadBroadcast:    {{name: "authz_to_inner"}, {"authz_read", [][]byte{ids[0]}}},
		segReadPresence:     {{name: "authz_to_inner"}, {"authz_read", [][]byte{ids[1]}}},
		segEnd:              {{name: "authz_rollback"}},
	}
}

// newID makes a random UUID (RFC 9562, version 4).
func newID() []byte {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, by contract of crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Appendf(nil, "%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func send(p *pgconn.Pipeline, script [segments][]command) {
	for _, segment := range script {
		for _, c := range segment {
			p.SendQueryPrepared(c.name, c.args, nil, nil)
		}
		p.SendPipelineSync()
	}
}

// reply is what came of one segment: the last row it returned, if any, and its first error.
type reply struct {
	row  [][]byte
	err  error
	took time.Duration
}

// receive reads the answers. It fails only when the connection does.
func receive(p *pgconn.Pipeline, start time.Time) (*[segments]reply, error) {
	if err := p.Flush(); err != nil {
		return nil, err
	}
	var out [segments]reply
	for i := range out {
		if err := out[i].read(p); err != nil {
			return nil, err
		}
		now := time.Now()
		out[i].took, start = now.Sub(start), now
	}
	return &out, nil
}

// read takes in a segment up to its Sync.
func (a *reply) read(p *pgconn.Pipeline) error {
	for {
		result, err := p.GetResults()
		if err == nil {
			switch result := result.(type) {
			case *pgconn.PipelineSync:
				return nil
			case *pgconn.ResultReader:
				for result.NextRow() {
					a.row = cloneRow(result.Values())
				}
				_, err = result.Close()
			case nil:
				return errors.New("the pipeline ended early")
			}
		}
		if err == nil {
			continue
		}
		if _, ok := errors.AsType[*pgconn.PgError](err); !ok || postgres.IsConnection(err) {
			return err
		}
		if a.err == nil {
			a.err = err
		}
	}
}

func cloneRow(row [][]byte) [][]byte {
	out := make([][]byte, len(row))
	for i, v := range row {
		out[i] = append([]byte(nil), v...)
	}
	return out
}
