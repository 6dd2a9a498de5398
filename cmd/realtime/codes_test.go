package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"realtime/protocol/codes"
)

// inside are the codes that no test meets at the doors of a server, where clients and operators do, and why not.
var inside = map[codes.Code]string{
	codes.UnknownError:                       "whatever has no code; a test at the door would be a bug's",
	codes.UnhandledProcessMessage:            "a bug, which a test of actors makes",
	codes.UnexpectedMessageReceived:          "Postgres sends nothing unknown",
	codes.UnableToSubscribeToPostgres:        "any error of Postgres that has no code of its own",
	codes.DatabaseIpVersionIsIpv4:            "what localhost resolves to is the machine's affair",
	codes.ReplicationSlotNotAlive:            "a limit of the whole Postgres has to be passed; tests of actors and wal do",
	codes.ReplicationSlotLagTooHigh:          "the same",
	codes.ReplicationMaxWalSendersReached:    "all slots of the Postgres have to be in use; a test of wal uses them up",
	codes.IncreaseSubscriptionConnectionPool: "needs a lock that holds up the whole Postgres; a test of changes takes it",
	codes.ReplicationSlotCheckSkipped:        "comes between two looks at a slot, which are far apart",
	codes.EncryptionReconcileFailed:          "needs a write that fails amid a read; tests of tenancy make one",
	codes.JanitorFailedToDeleteOldMessages:   "the janitor comes every four hours; in tests of actors more often",
}

// atTheDoor are the tests that have whole servers, or their outermost part.
var atTheDoor = regexp.MustCompile(`^(tests|web|cmd/realtime)/`)

// TestEveryCodeHasAPlaceAndATest: a code in the table is given somewhere, and some test meets it there, at the door if it can.
func TestEveryCodeHasAPlaceAndATest(t *testing.T) {
	place, test, door := map[string]bool{}, map[string]bool{}, map[string]bool{}
	constant, name := regexp.MustCompile(`\bcodes\.([A-Z]\w+)`), regexp.MustCompile(`[A-Z]\w+`)
	for _, file := range sourceFiles(t) {
		if strings.HasPrefix(file, "protocol/codes/") || file == "cmd/realtime/codes_test.go" || strings.HasPrefix(file, "docs/") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(repoRoot(t), file))
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.HasSuffix(file, "_test.go") || strings.HasPrefix(file, "tests/"):
			for _, m := range name.FindAllString(string(text), -1) {
				test[m] = true
				door[m] = door[m] || atTheDoor.MatchString(file)
			}
		case strings.HasSuffix(file, ".go"):
			for _, m := range constant.FindAllStringSubmatch(string(text), -1) {
				place[m[1]] = true
			}
		case strings.HasSuffix(file, ".sql"):
			for _, m := range name.FindAllString(string(text), -1) {
				place[m] = true
			}
		}
	}
	for _, e := range codes.All() {
		if c := string(e.Code); !place[c] {
			t.Errorf("%s: nothing gives it; if nothing can, it belongs to protocol/codes/gone.go", c)
		} else if !test[c] {
			t.Errorf("%s: no test meets it", c)
		} else if why := inside[e.Code]; door[c] == (why != "") {
			t.Errorf("%s: met at the door: %v; but it is said: %q", c, door[c], why)
		}
	}
}
