package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// house is the floor plan of ARCHITECTURE.md: every package, and which of our
// own packages it may import. Arrows point down, never to a neighbour; a package
// that is not here has no place yet.
var house = []struct {
	pkg string
	may []string
}{
	{"protocol/codes", nil},
	{"protocol", []string{"protocol/codes"}},
	{"protocol/client", []string{"protocol", "protocol/codes"}},
	{"ratelimit", nil},

	{"postgres", floor0},
	{"postgres/embedded", nil},
	{"postgres/authz", slices.Concat(floor0, []string{"postgres"})},
	{"postgres/wal", slices.Concat(floor0, []string{"postgres"})},
	{"postgres/changes", slices.Concat(floor0, []string{"postgres", "postgres/wal"})},
	{"postgres/messages", slices.Concat(floor0, []string{"postgres", "postgres/wal"})},
	{"postgres/pgtest", []string{"postgres", "postgres/embedded"}},

	{"tenancy", slices.Concat(floor0, []string{"postgres"})},

	{"actors/presence", floor0},
	{"actors", slices.Concat(floor0, floor1, []string{"tenancy", "actors/presence"})},

	{"web", slices.Concat(floor0, floor1, []string{"tenancy", "actors"})},

	{"bench", []string{"protocol", "protocol/client"}}, // beside the house: it meets a server over the wire only
	{"bench/floor/nats", nil},                          // a program: what a broker asks for under the same load

	{"cmd/realtime", slices.Concat(floor0, floor1, []string{
		"protocol/client", "postgres/embedded", "tenancy", "actors", "web", "bench",
	})},
}

var (
	floor0 = []string{"protocol", "protocol/codes", "ratelimit"}
	floor1 = []string{"postgres", "postgres/authz", "postgres/wal", "postgres/changes", "postgres/messages"}
)

// onlyImporters says who may import a library; its tests may too.
var onlyImporters = map[string][]string{
	"github.com/alecthomas/kong":          {"cmd/realtime"},
	"github.com/lxzan/gws":                {"web", "protocol/client"},
	"github.com/asynkron/protoactor-go":   {"actors"},
	"github.com/orcaman/concurrent-map":   {"actors"}, // what protoactor keeps processes in
	"github.com/golang-jwt/jwt":           {"tenancy"},
	"github.com/MicahParks/jwkset":        {"tenancy"},
	"github.com/pressly/goose":            {"tenancy"},
	"github.com/jackc/pgx":                {"postgres", "postgres/authz", "postgres/wal", "postgres/changes", "postgres/messages", "postgres/pgtest", "postgres/embedded", "tenancy", "bench"},
	"github.com/HdrHistogram":             {"bench"},
	"github.com/nats-io":                  {"bench/floor/nats"}, // a yardstick
	"github.com/jackc/pglogrepl":          {"postgres/wal"},
	"github.com/swaggest/swgui":           {"web"},
	"github.com/prometheus/client_golang": {"actors", "web", "cmd/realtime"},
	"go.opentelemetry.io/otel":            {"actors", "web", "cmd/realtime"}, // what spans are made with
	"go.opentelemetry.io/otel/sdk":        {"cmd/realtime"},                  // and what sends them
	"go.opentelemetry.io/contrib":         {"cmd/realtime"},
}

// testOnly are libraries that no shipped package imports.
var testOnly = []string{
	"github.com/google/go-cmp", "github.com/getkin/kin-openapi", "github.com/oasdiff", "go.uber.org/goleak", "pgregory.net/rapid", "github.com/rogpeppe/go-internal", "testing",
}

// goPackage is what `go list -json` says of one package, as far as we ask.
type goPackage struct {
	ImportPath string
	Dir        string
	Doc        string
	GoFiles    []string
	Imports    []string
}

// listPackages asks the go command, so that build tags and generated files are
// seen as the compiler sees them.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,Doc,GoFiles,Imports", "./...")
	cmd.Dir = repoRoot(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, "realtime/")
		all = append(all, p)
	}
}

func TestArrowsPointDown(t *testing.T) {
	plan := map[string][]string{}
	for _, h := range house {
		plan[h.pkg] = h.may
	}
	for _, p := range listPackages(t) {
		if strings.HasPrefix(p.ImportPath, "tests/") {
			continue // they stand outside of the house and look in
		}
		may, known := plan[p.ImportPath]
		if !known {
			t.Errorf("%s has no place in the house: give it a floor in arch_test.go and ARCHITECTURE.md", p.ImportPath)
			continue
		}
		for _, imp := range p.Imports {
			own, ours := strings.CutPrefix(imp, "realtime/")
			if ours && !slices.Contains(may, own) {
				t.Errorf("%s imports %s, which is above it or beside it", p.ImportPath, own)
			}
		}
	}
}

func TestLibrariesHaveOneImporter(t *testing.T) {
	for _, p := range listPackages(t) {
		for _, imp := range p.Imports {
			for lib, who := range onlyImporters {
				if within(imp, lib) && !slices.Contains(who, p.ImportPath) {
					t.Errorf("%s imports %s, which belongs to %s", p.ImportPath, imp, strings.Join(who, ", "))
				}
			}
			for _, lib := range testOnly {
				if within(imp, lib) && p.ImportPath != "postgres/pgtest" && !strings.HasPrefix(p.ImportPath, "tests/") {
					t.Errorf("%s imports %s, which is for tests", p.ImportPath, imp)
				}
			}
		}
	}
}

// TestFloorZeroIsStandardLibraryOnly keeps what everybody imports light.
func TestFloorZeroIsStandardLibraryOnly(t *testing.T) {
	for _, p := range listPackages(t) {
		if !slices.Contains(floor0, p.ImportPath) {
			continue
		}
		for _, imp := range p.Imports {
			first, _, _ := strings.Cut(imp, "/")
			if strings.Contains(first, ".") {
				t.Errorf("%s imports %s; floor 0 has the standard library only", p.ImportPath, imp)
			}
		}
	}
}

// within reports whether an import path is lib or below it.
func within(imp, lib string) bool {
	return imp == lib || strings.HasPrefix(imp, lib+"/")
}
