package codes_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"

	"realtime/protocol/codes"
)

func TestEveryCodeHasOneCompleteRow(t *testing.T) {
	seen := map[codes.Code]bool{}
	for _, e := range codes.All() {
		if seen[e.Code] {
			t.Errorf("%s: two rows", e.Code)
		}
		seen[e.Code] = true
		if e.Text == "" || strings.ContainsAny(e.Text, "\n") {
			t.Errorf("%s: text %q is no sentence of one line", e.Code, e.Text)
		}
		for name, line := range map[string]string{"meaning": e.Meaning, "remedy": e.Remedy} {
			if !strings.HasSuffix(line, ".") || strings.Contains(line, "\n") {
				t.Errorf("%s: %s %q is no line that ends with a full stop", e.Code, name, line)
			}
		}
		if e.Status != 0 && (e.Status < 400 || e.Status > 599) {
			t.Errorf("%s: status %d refuses nothing", e.Code, e.Status)
		}
		if e.Level == slog.LevelDebug {
			t.Errorf("%s: nobody would see it", e.Code)
		}
	}
	for _, c := range declared(t) {
		if !seen[c] {
			t.Errorf("%s: declared, but not in the table", c)
		}
		delete(seen, c)
	}
	for c := range seen {
		t.Errorf("%s: in the table, but not declared", c)
	}
}

// declared reads the constants from the source.
func declared(t *testing.T) []codes.Code {
	src, err := os.ReadFile("code.go")
	if err != nil {
		t.Fatal(err)
	}
	var all []codes.Code
	for _, m := range regexp.MustCompile(`(?m)^\t(\w+)\s+Code = "(\w+)"$`).FindAllStringSubmatch(string(src), -1) {
		if m[1] != m[2] {
			t.Errorf("constant %s says %q", m[1], m[2])
		}
		all = append(all, codes.Code(m[2]))
	}
	if len(all) < 70 {
		t.Fatalf("only %d constants found", len(all))
	}
	return all
}

// What clients of upstream read when a join is refused, letter for letter.
func TestDefaultReasonsAreUpstreams(t *testing.T) {
	for code, want := range map[codes.Code]string{
		codes.TopicNameRequired:                  "TopicNameRequired: You must provide a topic name",
		codes.RealtimeRestarting:                 "RealtimeRestarting: Realtime is restarting, please standby",
		codes.PrivateOnly:                        "PrivateOnly: This project only allows private channels",
		codes.ConnectionRateLimitReached:         "ConnectionRateLimitReached: Too many connected users",
		codes.ClientJoinRateLimitReached:         "ClientJoinRateLimitReached: Too many joins per second",
		codes.ChannelRateLimitReached:            "ChannelRateLimitReached: Too many channels",
		codes.MalformedJWT:                       "MalformedJWT: The token provided is not a valid JWT",
		codes.JwtSignatureError:                  "JwtSignatureError: Failed to validate JWT signature",
		codes.JwtSignerError:                     "JwtSignerError: Failed to generate JWT signer, check your JWT secret or JWKS configuration",
		codes.IncreaseConnectionPool:             "IncreaseConnectionPool: Please increase your connection pool size",
		codes.DatabaseLackOfConnections:          "DatabaseLackOfConnections: Database can't accept more connections, Realtime won't connect",
		codes.DatabaseConnectionRateLimitReached: "DatabaseConnectionRateLimitReached: Too many database connections attempts per second",
		codes.UnableToConnectToProject:           "UnableToConnectToProject: Realtime was unable to connect to the project database",
		codes.MissingPartition:                   "MissingPartition: Realtime was unable to find the expected messages partition",
		codes.InitializingProjectConnection:      "InitializingProjectConnection: Realtime is initializing the project connection",
		codes.RealtimeDisabledForTenant:          "RealtimeDisabledForTenant: Realtime disabled for this tenant",
		codes.UnableToReplayMessages:             "UnableToReplayMessages: Realtime was unable to replay messages",
	} {
		if got := codes.New(code, "").Reason(); got != want {
			t.Errorf("New(%s, \"\").Reason() = %q, want %q", code, got, want)
		}
	}
}

// The statuses of refused handshakes.
func TestHandshakeStatuses(t *testing.T) {
	for code, want := range map[codes.Code]int{
		codes.TenantNotFound: 404, codes.MissingAPIKey: 401, codes.MalformedJWT: 401, codes.InvalidJWTToken: 401,
		codes.JwtSignatureError: 401, codes.JwtSignerError: 401, codes.ErrorConnectingToWebsocket: 500,
		codes.RealtimeDisabledForTenant: 403, codes.ConnectionRateLimitReached: 429, codes.JoinsRateLimitReached: 429,
	} {
		if got := code.Entry().Status; got != want {
			t.Errorf("%s: status %d, want %d", code, got, want)
		}
	}
}

func TestOnlyTwoCodesCloseTheSocket(t *testing.T) {
	for _, e := range codes.All() {
		want := e.Code == codes.TenantNotFound || e.Code == codes.ClientJoinRateLimitReached
		if got := e.Effect == codes.CloseSocket; got != want {
			t.Errorf("%s: closes the socket: %v, want %v", e.Code, got, want)
		}
	}
}

func TestQuietCodesAreWarnings(t *testing.T) {
	for _, e := range codes.All() {
		if e.Quiet && e.Level != slog.LevelWarn {
			t.Errorf("%s is quiet at level %s", e.Code, e.Level)
		}
	}
}

func TestFaultKeepsItsCause(t *testing.T) {
	f := codes.Wrap(codes.RlsPolicyError, io.ErrUnexpectedEOF, "check the read policy of %q", "room")
	if got, want := f.Reason(), `RlsPolicyError: check the read policy of "room"`; got != want {
		t.Errorf("Reason() = %q, want %q", got, want)
	}
	if got, want := f.Error(), f.Reason()+": unexpected EOF"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if !errors.Is(f, io.ErrUnexpectedEOF) {
		t.Error("the cause is lost")
	}
	if got := codes.Of(fmt.Errorf("join: %w", f)); got != f {
		t.Errorf("Of(wrapped) = %v, want the fault itself", got)
	}
}

func TestOfGivesEveryErrorACode(t *testing.T) {
	if got := codes.Of(nil); got != nil {
		t.Errorf("Of(nil) = %v", got)
	}
	got := codes.Of(io.EOF)
	if got.Code != codes.UnknownError || !errors.Is(got, io.EOF) {
		t.Errorf("Of(io.EOF) = %v", got)
	}
	if strings.Contains(got.Text, "EOF") {
		t.Errorf("Text = %q tells the client about the cause", got.Text)
	}
}

func TestUnknownCodeBorrowsARow(t *testing.T) {
	e := codes.Code("Nonsense").Entry()
	if e.Code != "Nonsense" || e.Level != slog.LevelError || e.Text == "" {
		t.Errorf("Entry() = %+v", e)
	}
}

func TestAllIsACopy(t *testing.T) {
	codes.All()[0].Text = "changed"
	if got := codes.All()[0].Text; got == "changed" {
		t.Error("the table can be written to")
	}
}
