package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// skipBroadcastSQL is the statement by which newer releases of the original add the column.
const skipBroadcastSQL = "alter table realtime.messages add column if not exists skip_broadcast boolean not null default false"

// AddSkipBroadcast adds the column messages.skip_broadcast to a schema that the original made before it had it. To be called
// before the first message is stored on a client's behalf, not earlier. It asks one question when the column is there. It
// waits two seconds at most for those who use the table, and may be tried again. conn must not be in a transaction.
func AddSkipBroadcast(ctx context.Context, conn *pgx.Conn) error {
	const sql = `select exists (select from pg_attribute where attrelid = to_regclass('realtime.messages') and attname = 'skip_broadcast' and not attisdropped)`
	var found bool
	if err := conn.QueryRow(ctx, sql, pgx.QueryExecModeExec).Scan(&found); err != nil {
		return fmt.Errorf("look for column skip_broadcast: %w", err)
	}
	if found {
		return nil
	}
	wait := fmt.Sprintf("set local lock_timeout to %d; %s; ", partitionLockWait.Milliseconds(), lockSQL)
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, wait+skipBroadcastSQL, pgx.QueryExecModeSimpleProtocol)
		return err
	})
	if IsInsufficientPrivilege(err) {
		return fmt.Errorf("add column skip_broadcast: %w; as an administrator run: %s", err, skipBroadcastSQL)
	}
	if err != nil {
		return fmt.Errorf("add column skip_broadcast: %w", err)
	}
	return nil
}

const publishedSQL = `select p.oid is not null,
	coalesce((select array_agg(c.relnamespace::regnamespace || '.' || c.relname order by 1) from pg_publication_rel r
		join pg_class c on c.oid = r.prrelid where r.prpubid = p.oid), '{}'),
	coalesce(p.puballtables, false) or p.pubinsert is false
from (select 1) x left join pg_publication p on p.pubname = '` + messagesPublication + `'`

// EnsureMessagesPublication makes the publication of realtime.messages if it is missing, and makes it anew if it publishes
// anything else: the feed of messages must not carry other tables. It returns whether it changed something, and asks one
// question when there is nothing to do. To be called before a slot on the publication is made; conn must not be in a
// transaction.
func EnsureMessagesPublication(ctx context.Context, conn *pgx.Conn) (changed bool, err error) {
	var found, wrong bool
	var tables []string
	if err := conn.QueryRow(ctx, publishedSQL, pgx.QueryExecModeExec).Scan(&found, &tables, &wrong); err != nil {
		return false, fmt.Errorf("look for publication %s: %w", messagesPublication, err)
	}
	wrong = wrong || len(tables) == 0
	for _, name := range tables {
		wrong = wrong || name != "realtime.messages" && !strings.HasPrefix(name, "realtime.messages_")
	}
	if found && !wrong {
		return false, nil
	}
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, lockSQL+"; drop publication if exists "+messagesPublication+"; "+publicationSQL, pgx.QueryExecModeSimpleProtocol)
		return err
	})
	if err != nil {
		if IsInsufficientPrivilege(err) {
			return false, fmt.Errorf("make publication %s: %w; as an administrator run: %s", messagesPublication, err, publicationSQL)
		}
		return false, fmt.Errorf("make publication %s: %w", messagesPublication, err)
	}
	return true, nil
}
