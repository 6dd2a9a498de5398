package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func repoRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// sourceFiles are the files that git keeps, or would keep: what is ignored
// (built files, npm packages) is nobody's source.
func sourceFiles(t *testing.T) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = repoRoot(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	var files []string
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		if _, err := os.Stat(filepath.Join(cmd.Dir, name)); err == nil {
			files = append(files, name)
		}
	}
	return files
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range listPackages(t) {
		if p.Doc == "" && len(p.GoFiles) > 0 {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
		if _, err := os.Stat(filepath.Join(p.Dir, "doc.go")); err != nil {
			t.Errorf("%s has no doc.go", p.ImportPath)
		}
	}
}

const maxLines = 300

func TestNoFileIsTooLongToRead(t *testing.T) {
	code := []string{".go", ".js", ".mjs", ".ts", ".sh", ".sql", ".yml", ".c"}
	for _, name := range sourceFiles(t) {
		if !slices.Contains(code, filepath.Ext(name)) || strings.Contains(name, "testdata/") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(repoRoot(t), name))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte("// Code generated ")) {
			continue
		}
		if n := bytes.Count(content, []byte("\n")); n > maxLines {
			t.Errorf("%s has %d lines; %d is the limit: split it by idea", name, n, maxLines)
		}
	}
}

func TestTopLevelReadsAsADiagram(t *testing.T) {
	allowed := []string{
		"cmd", "web", "actors", "tenancy", "postgres", "cluster", "protocol", "ratelimit", "bench", "docs", "deploy", "tests", ".ci", ".github",
		"go.mod", "go.sum", "Makefile", "LICENSE", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md",
		".gitignore", ".gitattributes", ".golangci.yml",
	}
	seen := map[string]bool{}
	for _, name := range sourceFiles(t) {
		top, _, _ := strings.Cut(name, "/")
		if !seen[top] && !slices.Contains(allowed, top) {
			t.Errorf("%s does not belong to the top level", top)
		}
		seen[top] = true
	}
}

func TestGeneratedDocumentsAreFresh(t *testing.T) {
	for name, want := range generatedDocuments() {
		got, err := os.ReadFile(filepath.Join(repoRoot(t), "docs", name))
		if err != nil {
			t.Error(err)
			continue
		}
		if string(got) != want {
			t.Errorf("docs/%s is not what the tables in the code say: run make gen", name)
		}
	}
}

var markdownLink = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)

func TestDocumentLinksLeadSomewhere(t *testing.T) {
	for _, name := range sourceFiles(t) {
		if filepath.Ext(name) != ".md" {
			continue
		}
		content, err := os.ReadFile(filepath.Join(repoRoot(t), name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range markdownLink.FindAllStringSubmatch(string(content), -1) {
			link := m[1]
			if strings.Contains(link, "://") {
				continue
			}
			if _, err := fs.Stat(os.DirFS(repoRoot(t)), filepath.Join(filepath.Dir(name), link)); err != nil {
				t.Errorf("%s links to %s, which does not exist", name, link)
			}
		}
	}
}

// TestMakefileHelpNamesEveryTarget keeps `make help` complete.
func TestMakefileHelpNamesEveryTarget(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(repoRoot(t), "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^([a-z][a-z-]*):([^=\n]*)$`).FindAllStringSubmatch(string(content), -1) {
		if !strings.Contains(m[2], "## ") {
			t.Errorf("make %s has no line of help", m[1])
		}
	}
}

var anyLog = regexp.MustCompile(`slog\.New(?:Text|JSON)Handler\(([^,]*)`)

// TestLogsOfTestsAreSearched: whatever a test logs is searched for the secrets of the tests.
func TestLogsOfTestsAreSearched(t *testing.T) {
	for _, name := range sourceFiles(t) {
		if !strings.HasSuffix(name, "_test.go") || name == "cmd/realtime/repo_test.go" {
			continue
		}
		content, err := os.ReadFile(filepath.Join(repoRoot(t), name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range anyLog.FindAllSubmatch(content, -1) {
			if !bytes.HasPrefix(m[1], []byte("leaks.Watch(")) && !bytes.HasPrefix(m[1], []byte("Watch(")) {
				t.Errorf("%s makes a log over %s; make it over leaks.Watch", name, m[1])
			}
		}
	}
}
