package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Server is what decides whether a database can serve a tenant: read once, by ReadServer, judged by Lacks.
type Server struct {
	Version          int // server_version_num
	Role             string
	Superuser        bool
	Replication      bool
	BypassRLS        bool
	InRecovery       bool
	WALLevel         string
	WALKeep          string // max_slot_wal_keep_size as the server shows it; "-1" is without bound
	Connections      int    // in use, of MaxConnections - Reserved
	MaxConnections   int
	Reserved         int // kept for superusers
	Slots, MaxSlots  int
	Senders          int // walsenders at work
	MaxSenders       int
	MissingRoles     []string // of anon, authenticated, service_role
	RolesOutOfReach  []string // of those that exist, the ones the connecting role cannot SET ROLE to
	Publication      string
	HasPublication   bool
	PublicationOwner string
	Tables           int // published
}

const serverSQL = `
select current_setting('server_version_num')::int, current_user::text, r.rolsuper, r.rolreplication, r.rolbypassrls, pg_is_in_recovery(),
	current_setting('wal_level'), current_setting('max_slot_wal_keep_size', true),
	(select count(*) from pg_stat_activity where backend_type = 'client backend')::int, current_setting('max_connections')::int,
	current_setting('superuser_reserved_connections')::int + coalesce(current_setting('reserved_connections', true)::int, 0),
	(select count(*) from pg_replication_slots)::int, current_setting('max_replication_slots')::int,
	(select count(*) from pg_stat_replication)::int, current_setting('max_wal_senders')::int,
	array(select w from unnest($2::text[]) w where to_regrole(quote_ident(w)) is null),
	array(select w from unnest($2::text[]) w where to_regrole(quote_ident(w)) is not null and not pg_has_role(current_user, w, 'member')),
	p.oid is not null, coalesce(pg_get_userbyid(p.pubowner)::text, ''),
	(select count(*) from pg_publication_tables t where t.pubname = $1)::int
from pg_roles r left join pg_publication p on p.pubname = $1
where r.rolname = current_user`

// ReadServer asks one round trip's worth of questions. publication is the one whose tables clients may listen to.
func ReadServer(ctx context.Context, conn *pgx.Conn, publication string) (*Server, error) {
	f := &Server{Publication: publication}
	var keep *string
	err := conn.QueryRow(ctx, serverSQL, publication, apiRoles).Scan(
		&f.Version, &f.Role, &f.Superuser, &f.Replication, &f.BypassRLS, &f.InRecovery, &f.WALLevel, &keep,
		&f.Connections, &f.MaxConnections, &f.Reserved, &f.Slots, &f.MaxSlots, &f.Senders, &f.MaxSenders,
		&f.MissingRoles, &f.RolesOutOfReach, &f.HasPublication, &f.PublicationOwner, &f.Tables)
	if err != nil {
		return nil, fmt.Errorf("look at the database server: %w", err)
	}
	if keep != nil {
		f.WALKeep = *keep
	}
	return f, nil
}

// Lack is one thing that a database lacks for what the server offers.
type Lack struct {
	What string // what will not work, and why
	Mend string // SQL, or what else to do
}

// needed is what one tenant takes when all its parts are at work: two walsenders with a slot each, one session that
// decides who sees a change, and the pool.
const (
	neededSlots       = 2
	neededConnections = 6
)

// Lacks lists what is missing, the gravest first. An empty list is a database on which everything works.
func (f *Server) Lacks() []Lack {
	var l []Lack
	add := func(missing bool, what, mend string) {
		if missing {
			l = append(l, Lack{what, mend})
		}
	}
	role := pgx.Identifier{f.Role}.Sanitize()
	add(f.Version < 140000, fmt.Sprintf("Postgres %d.%d is older than 14, the oldest this server is made for", f.Version/10000, f.Version%100), "upgrade the database")
	add(f.InRecovery, "the database is a standby: it takes no slots of its own and no rows", "point the tenant at the primary")
	add(f.WALLevel != "logical", "no changes and no broadcasts from the database: wal_level is "+f.WALLevel,
		"ALTER SYSTEM SET wal_level = 'logical'; -- then restart Postgres")
	add(!f.Superuser && !f.Replication, "no changes and no broadcasts from the database: role "+f.Role+" may not replicate",
		"ALTER ROLE "+role+" REPLICATION; -- as a superuser")
	add(f.MaxSlots-f.Slots < neededSlots, fmt.Sprintf("%d of %d replication slots are taken, a tenant needs %d", f.Slots, f.MaxSlots, neededSlots),
		fmt.Sprintf("ALTER SYSTEM SET max_replication_slots = %d; -- then restart Postgres; or drop slots that nobody reads: SELECT slot_name FROM pg_replication_slots WHERE NOT active;", f.MaxSlots+10))
	add(f.MaxSenders-f.Senders < neededSlots, fmt.Sprintf("%d of %d walsenders are at work, a tenant needs %d", f.Senders, f.MaxSenders, neededSlots),
		fmt.Sprintf("ALTER SYSTEM SET max_wal_senders = %d; -- then restart Postgres", f.MaxSenders+10))
	add(f.MaxConnections-f.Reserved-f.Connections < neededConnections,
		fmt.Sprintf("%d connections are free, a tenant needs up to %d", max(f.MaxConnections-f.Reserved-f.Connections, 0), neededConnections),
		fmt.Sprintf("ALTER SYSTEM SET max_connections = %d; -- then restart Postgres; or close what holds them: SELECT application_name, count(*) FROM pg_stat_activity GROUP BY 1;", f.MaxConnections+50))
	add(len(f.MissingRoles) > 0, "tokens with the role "+strings.Join(f.MissingRoles, ", ")+" are refused: there is no such role in the database", createRoles(f.MissingRoles))
	add(!f.Superuser && len(f.RolesOutOfReach) > 0, "policies cannot be asked for "+strings.Join(f.RolesOutOfReach, ", ")+": role "+f.Role+" is not a member",
		"GRANT "+strings.Join(f.RolesOutOfReach, ", ")+" TO "+role+"; -- as a superuser")
	publication := pgx.Identifier{f.Publication}.Sanitize()
	add(!f.HasPublication, "nobody can listen to changes: there is no publication "+f.Publication, "CREATE PUBLICATION "+publication+" FOR TABLE public.your_table;")
	add(f.HasPublication && f.Tables == 0, "nobody can listen to changes yet: the publication "+f.Publication+" has no tables", "ALTER PUBLICATION "+publication+" ADD TABLE public.your_table;")
	return l
}

func createRoles(names []string) string {
	var b strings.Builder
	for _, n := range names {
		bypass := ""
		if n == "service_role" {
			bypass = " BYPASSRLS"
		}
		fmt.Fprintf(&b, "CREATE ROLE %s NOLOGIN NOINHERIT%s; ", pgx.Identifier{n}.Sanitize(), bypass)
	}
	return strings.TrimSuffix(b.String(), " ")
}
