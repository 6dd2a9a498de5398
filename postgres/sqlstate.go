package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// State returns the SQLSTATE of err, five characters, or "" when err does not come from a server.
func State(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// IsQueryCanceled reports whether a statement ran into statement_timeout or was cancelled on request.
func IsQueryCanceled(err error) bool { return State(err) == "57014" }

// IsConnection reports whether the connection could not be made, or is gone: nothing is known of a statement that was
// under way. A statement that ran out of its context's time is not meant, although pgx closes the connection over it,
// nor is a refusal that would be repeated (password, no such database).
func IsConnection(err error) bool {
	if state := State(err); state != "" {
		switch state {
		case "57P01", "57P02", "57P03", // shut down by an administrator, by a crash; not up yet
			"57P05", "25P03": // ended for idling
			return true
		}
		return strings.HasPrefix(state, "08")
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return !errors.Is(err, context.Canceled)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		pgconn.SafeToRetry(err) // pgx found its connection closed
}

// IsUndefinedTable reports whether a relation that the statement names does not exist.
func IsUndefinedTable(err error) bool { return State(err) == "42P01" }

// IsUndefinedColumn reports whether a column that the statement names does not exist.
func IsUndefinedColumn(err error) bool { return State(err) == "42703" }

// IsUndefinedFunction reports whether a function or operator that the statement names does not exist.
func IsUndefinedFunction(err error) bool { return State(err) == "42883" }

// IsUndefinedObject reports whether a role, slot, publication, type … that the statement names does not exist.
func IsUndefinedObject(err error) bool { return State(err) == "42704" }

// IsUndefinedSchema reports whether a schema that the statement names does not exist.
func IsUndefinedSchema(err error) bool { return State(err) == "3F000" }

// IsInsufficientPrivilege reports whether the role lacks a privilege, or row-level security refused the row.
func IsInsufficientPrivilege(err error) bool { return State(err) == "42501" }

// IsObjectInUse reports whether a slot or database is in use by another session.
func IsObjectInUse(err error) bool { return State(err) == "55006" }

// IsDuplicateObject reports whether a role, slot, publication … of that name is there already.
func IsDuplicateObject(err error) bool { return State(err) == "42710" }

// IsUniqueViolation reports whether a row with that key is there already.
func IsUniqueViolation(err error) bool { return State(err) == "23505" }

// IsTooManyConnections reports whether the server has no connection left for this role.
func IsTooManyConnections(err error) bool { return State(err) == "53300" }

// IsAuthentication reports whether the server refused user or password, or knows no rule that lets this client in.
func IsAuthentication(err error) bool { s := State(err); return s == "28000" || s == "28P01" }

// IsUndefinedDatabase reports whether the database does not exist.
func IsUndefinedDatabase(err error) bool { return State(err) == "3D000" }
