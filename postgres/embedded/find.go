package embedded

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// minMajor is the oldest Postgres that offers what the server uses (streamed logical decoding, multirange types).
const minMajor = 14

// binaries is one installation of Postgres.
type binaries struct {
	dir     string // holds initdb and postgres
	version string // "15.18"
	major   int
}

// places are where packages put the binaries on this system, besides PATH.
func places() []string {
	if runtime.GOOS == "darwin" {
		return []string{
			"/opt/homebrew/opt/postgresql@*/bin", "/opt/homebrew/bin", // Homebrew on Apple silicon
			"/usr/local/opt/postgresql@*/bin", "/usr/local/bin", // and on Intel
			"/Applications/Postgres.app/Contents/Versions/*/bin",
		}
	}
	return []string{
		"/usr/lib/postgresql/*/bin", // Debian, Ubuntu
		"/usr/pgsql-*/bin",          // the Postgres project's own RPMs
		"/usr/libexec/postgresql*",  // Alpine
		"/usr/local/pgsql/bin",      // built from source
		"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
	}
}

// find returns the binaries to use: those in binDir if that is given, else the first in PATH, else the newest in the
// usual places. want is the major version that the data directory needs, 0 for any from minMajor on.
func find(ctx context.Context, binDir string, want int) (binaries, error) {
	miss := &NoBinariesError{Want: want}
	var dirs []string
	if binDir != "" {
		miss.Looked = []string{binDir}
		dirs = []string{binDir, filepath.Join(binDir, "bin")}
	} else {
		miss.Looked = append([]string{"PATH"}, places()...)
		dirs = candidates()
	}
	for _, dir := range dirs {
		b, err := inspect(ctx, dir)
		switch {
		case ctx.Err() != nil:
			return binaries{}, fmt.Errorf("find Postgres: %w", context.Cause(ctx))
		case err != nil:
			if binDir != "" && miss.Reason == "" {
				miss.Reason = err.Error()
			}
		case want == b.major, want == 0 && b.major >= minMajor:
			return b, nil
		default:
			miss.Found = append(miss.Found, b.version+" in "+dir)
			miss.Reason = ""
		}
	}
	return binaries{}, miss
}

// candidates lists the directories that have a postgres, best first, each once.
func candidates() []string {
	var dirs []string
	if p, err := exec.LookPath("postgres"); err == nil {
		dirs = append(dirs, filepath.Dir(p))
	}
	for _, pattern := range places() {
		found, _ := filepath.Glob(filepath.Join(pattern, "postgres")) // the patterns are constant and well-formed
		slices.SortFunc(found, func(a, b string) int { return versionIn(b) - versionIn(a) })
		for _, p := range found {
			dirs = append(dirs, filepath.Dir(p))
		}
	}
	var unique []string
	for _, d := range dirs {
		if !slices.Contains(unique, d) {
			unique = append(unique, d)
		}
	}
	return unique
}

var digits = regexp.MustCompile(`[0-9]+`)

// versionIn reads the major version that a package puts into its path: 9 sorts below 17, which text would not.
func versionIn(path string) int {
	n, _ := strconv.Atoi(digits.FindString(path)) // no number: 0, last
	return n
}

var versionText = regexp.MustCompile(`\(PostgreSQL\) (([0-9]+)[^ \n]*)`)

// inspect asks the postgres in dir for its version and makes sure that initdb is there too.
func inspect(ctx context.Context, dir string) (binaries, error) {
	for _, name := range []string{"postgres", "initdb"} {
		if st, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return binaries{}, fmt.Errorf("find %s: %w", name, err)
		} else if st.IsDir() {
			return binaries{}, fmt.Errorf("find %s: %s is a directory", name, filepath.Join(dir, name))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version")
	cmd.Env = plainEnv()
	out, err := cmd.Output()
	if err != nil {
		return binaries{}, fmt.Errorf("run %s --version: %w", cmd.Path, err)
	}
	m := versionText.FindSubmatch(out)
	if m == nil {
		return binaries{}, fmt.Errorf("run %s --version: unexpected answer %q", cmd.Path, out)
	}
	major, err := strconv.Atoi(string(m[2]))
	if err != nil {
		return binaries{}, fmt.Errorf("read version of %s: %w", cmd.Path, err)
	}
	return binaries{dir: dir, version: string(m[1]), major: major}, nil
}

// plainEnv is the environment of every Postgres program we run: nothing of ours leaks in (PGDATA, LANG and the like
// would change what they do), messages are English, and on macOS a set LC_ALL keeps the postmaster single-threaded.
func plainEnv() []string {
	return []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
}

// installCommand is what a person types to get Postgres on this system.
func installCommand(major int) string {
	suffix := ""
	if major != 0 {
		suffix = "-" + strconv.Itoa(major)
	}
	if runtime.GOOS == "darwin" {
		if major == 0 {
			major = 17
		}
		return "brew install postgresql@" + strconv.Itoa(major)
	}
	release, _ := os.ReadFile("/etc/os-release") // absent: the commonest answer will do
	ids := " " + strings.ReplaceAll(strings.ReplaceAll(string(release), "\"", " "), "=", " ")
	switch has := func(id string) bool { return strings.Contains(ids, " "+id) }; {
	case has("alpine"):
		return "apk add postgresql" + strings.TrimPrefix(suffix, "-")
	case has("fedora"), has("rhel"):
		return "dnf install postgresql-server"
	case has("arch"):
		return "pacman -S postgresql"
	default:
		return "apt-get install postgresql" + suffix
	}
}
