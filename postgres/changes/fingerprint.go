package changes

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// watched are the catalog objects that decisions were made from.
type watched struct {
	rels, funcs, types map[uint32]bool
	roles              map[string]bool // by name: some do not exist
}

func newWatched() watched {
	return watched{rels: map[uint32]bool{}, funcs: map[uint32]bool{}, types: map[uint32]bool{}, roles: map[string]bool{}}
}

// The fingerprint is a sum over everything that a decision rests on: what is published, schemas, policies, and, of the
// watched objects only, tables, columns, keys, rules, functions, types and roles. A role counts with all that it is a member
// of, whose privileges are its own; roles are the whole server's, and those that nobody here has a part in may come and go.
// A row of the catalog is known by its xmin and ctid: no change keeps both. Roles are taken by value, because pg_authid is
// for superusers.
//
// It is asked in the statement that also returns the snapshot, so one snapshot holds for both; in a function with a plan that
// is kept, because to plan it takes three times as long as to run it.
const lookFunctionSQL = `
create or replace function pg_temp.realtime_look(rels oid[], funcs oid[], types oid[], roles text[]) returns table (snapshot text, fingerprint text)
language plpgsql stable set plan_cache_mode = force_generic_plan set search_path = '' as $f$
begin
	return query
	with recursive mine as (
		select oid from pg_catalog.pg_roles where rolname = any(roles || current_user::text)
		union
		select m.roleid from pg_catalog.pg_auth_members m join mine on mine.oid = m.member
	)
	select pg_catalog.pg_current_snapshot()::text, pg_catalog.concat_ws('/',
		(select pg_catalog.sum(pg_catalog.hashtextextended(xmin::text || ctid::text, 1)) from pg_catalog.pg_publication),
		(select pg_catalog.sum(pg_catalog.hashtextextended(xmin::text || ctid::text, 2)) from pg_catalog.pg_publication_rel),
		{schemas}
		(select datdba from pg_catalog.pg_database where datname = pg_catalog.current_database()),
		(select pg_catalog.sum(pg_catalog.hashtextextended(r::text, 4)) from pg_catalog.pg_roles r where oid = any(array(select oid from mine))),
		(select pg_catalog.sum(pg_catalog.hashtextextended(xmin::text || ctid::text, 5)) from pg_catalog.pg_auth_members where member = any(array(select oid from mine))),
		(select pg_catalog.sum(pg_catalog.hashtextextended(xmin::text || ctid::text, 6)) from pg_catalog.pg_namespace
			where nspname !~ '^pg_(toast_)?temp_'),
		(select pg_catalog.sum(pg_catalog.hashtextextended(xmin::text || ctid::text, 7)) from pg_catalog.pg_policy),
		(select pg_catalog.sum(pg_catalog.hashtextextended(xmin::text || ctid::text, 8)) from pg_catalog.pg_class where oid = any(rels)),
		(select pg_catalog.sum(pg_catalog.hashtextextended(xmin::text || ctid::text, 9)) from pg_catalog.pg_attribute where attrelid = any(rels)),
		(select pg_catalog.sum(pg_catalog.hashtextextended(xmin::text || ctid::text, 10)) from pg_catalog.pg_index where indrelid = any(rels)),
		(select pg_catalog.sum(pg_catalog.hashtextextended(xmin::text || ctid::text, 11)) from pg_catalog.pg_attrdef where adrelid = any(rels)),
		(select pg_catalog.sum(pg_catalog.hashtextextended(xmin::text || ctid::text, 12)) from pg_catalog.pg_rewrite where ev_class = any(rels)),
		(select pg_catalog.sum(pg_catalog.hashtextextended(xmin::text || ctid::text, 13)) from pg_catalog.pg_proc where oid = any(funcs)),
		(select pg_catalog.sum(pg_catalog.hashtextextended(xmin::text || ctid::text, 14)) from pg_catalog.pg_type where oid = any(types)),
		(select pg_catalog.sum(pg_catalog.hashtextextended(xmin::text || ctid::text, 15)) from pg_catalog.pg_constraint where contypid = any(types)));
end
$f$`

// lookFunction returns the function's definition for a server's version: publications know schemas since 15.
func lookFunction(version int) string {
	schemas := ""
	if version >= 150000 {
		schemas = "(select pg_catalog.sum(pg_catalog.hashtextextended(xmin::text || ctid::text, 3)) from pg_catalog.pg_publication_namespace),"
	}
	return strings.Replace(lookFunctionSQL, "{schemas}", schemas, 1)
}

const lookSQL = "select snapshot, fingerprint from pg_temp.realtime_look($1, $2, $3, $4)"

// args are the parameters of lookSQL.
func (w *watched) args() []any {
	return []any{sortedKeys(w.rels), sortedKeys(w.funcs), sortedKeys(w.types), sortedKeys(w.roles)}
}

func sortedKeys[K cmp.Ordered](set map[K]bool) []K {
	out := slices.AppendSeq(make([]K, 0, len(set)), maps.Keys(set))
	slices.Sort(out)
	return out
}

// view is what one snapshot shows: which transactions, and which catalog.
type view struct {
	snapshot    snapshot
	fingerprint string
}

// look opens a transaction if begin is set, and returns what its snapshot shows. It is one round trip.
func (s *session) look(ctx context.Context, w *watched, begin bool) (view, error) {
	ctx, cancel := context.WithTimeout(ctx, sqlLimit+graceLimit)
	defer cancel()
	var b pgx.Batch
	if begin {
		b.Queue(beginSQL)
	}
	var v view
	b.Queue(lookSQL, w.args()...).QueryRow(func(r pgx.Row) error {
		var text string
		if err := r.Scan(&text, &v.fingerprint); err != nil {
			return err
		}
		var err error
		v.snapshot, err = parseSnapshot(text)
		return err
	})
	s.inTx = s.inTx || begin // even when it fails there may be one
	return v, s.conn.SendBatch(ctx, &b).Close()
}

// look reports whether the catalog is another than the one at hand; begin is as for the session.
func (e *Engine) look(ctx context.Context, begin bool) (changed bool, err error) {
	v, err := e.session.look(ctx, &e.catalog.watch, begin)
	return err == nil && e.changed(v), err
}

// changed reports whether the catalog is another than the one at hand. A table's images are trusted again then.
func (e *Engine) changed(v view) bool {
	known := e.catalog.fingerprint
	if v.fingerprint == known {
		return false
	}
	if known != "" && known != staleFingerprint {
		for oid := range e.limits {
			if oid != 0 {
				delete(e.limits, oid)
			}
		}
	}
	return true
}

// snapshot is a pg_snapshot.
type snapshot struct {
	xmin, xmax uint64
	running    map[uint64]bool
}

// parseSnapshot reads "xmin:xmax:xip,xip".
func parseSnapshot(text string) (snapshot, error) {
	s := snapshot{}
	parts := strings.SplitN(text, ":", 3)
	if len(parts) != 3 {
		return s, strconv.ErrSyntax
	}
	var err error
	if s.xmin, err = strconv.ParseUint(parts[0], 10, 64); err != nil {
		return s, err
	}
	if s.xmax, err = strconv.ParseUint(parts[1], 10, 64); err != nil {
		return s, err
	}
	for id := range strings.SplitSeq(parts[2], ",") {
		if id == "" {
			continue
		}
		n, err := strconv.ParseUint(id, 10, 64)
		if err != nil {
			return s, err
		}
		if s.running == nil {
			s.running = map[uint64]bool{}
		}
		s.running[n] = true
	}
	return s, nil
}

// sees reports whether the effects of transaction xid, committed or about to be, are visible: pg_visible_in_snapshot.
// The stream gives 32 bits of the number; its epoch is the one that brings it next to the snapshot's end, since a
// transaction that was just decoded cannot be two billion away. It may well lie beyond the end: a commit is streamed
// before it is visible.
func (s *snapshot) sees(xid uint32) bool {
	full := s.xmax + uint64(int64(int32(xid-uint32(s.xmax))))
	return full < s.xmin || full < s.xmax && !s.running[full]
}
