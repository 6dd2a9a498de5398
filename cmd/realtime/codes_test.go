package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"realtime/protocol/codes"
)

// TestEveryCodeHasAPlaceAndATest: a code in the table is given somewhere, and some test meets it there.
func TestEveryCodeHasAPlaceAndATest(t *testing.T) {
	place, test := map[string]bool{}, map[string]bool{}
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
		}
	}
}
