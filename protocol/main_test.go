package protocol

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

// update rewrites the golden frames instead of comparing with them: go test ./protocol -run Golden -update.
var update = flag.Bool("update", false, "rewrite the golden frames")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
