package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// dataDir is the folder that holds all that one server keeps:
//
//	postgres/     the embedded database
//	secrets.env   generated secrets, mode 0600
//	server.json   what runs now, mode 0600; gone after a clean stop
type dataDir string

// dataDirOf returns the data directory of c, as an absolute path. It makes
// nothing.
func dataDirOf(c *Config) (dataDir, error) {
	dir, err := chooseDataDir(c, runtime.GOOS, os.Geteuid())
	if err != nil {
		return "", err
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the data directory: %w", err)
	}
	return dataDir(abs), nil
}

// chooseDataDir prefers what was said over what is usual. Root's home is closed
// to the account that Postgres runs under, hence root's own default.
func chooseDataDir(c *Config, goos string, uid int) (string, error) {
	switch {
	case c.DataDir != "":
		return c.DataDir, nil
	case c.XDGDataHome != "":
		return filepath.Join(c.XDGDataHome, "realtime"), nil
	case uid == 0 && goos != "windows":
		return "/var/lib/realtime", nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", &failure{
			step: "find the data directory", err: err,
			mend: "say where it is: REALTIME_DATA_DIR=/path/to/a/folder",
		}
	}
	if goos == "darwin" {
		return filepath.Join(home, "Library", "Application Support", "realtime"), nil
	}
	return filepath.Join(home, ".local", "share", "realtime"), nil
}

func (d dataDir) postgres() string    { return filepath.Join(string(d), "postgres") }
func (d dataDir) secretsFile() string { return filepath.Join(string(d), "secrets.env") }
func (d dataDir) stateFile() string   { return filepath.Join(string(d), "server.json") }

// create makes the directory. Others may pass through it, because Postgres runs
// under another account when the server is root; the files in it are closed.
func (d dataDir) create() error {
	if err := os.MkdirAll(string(d), 0o755); err != nil { //nolint:gosec // G301: see above, the files inside are 0600
		mend := "choose a folder you may write to: REALTIME_DATA_DIR=/path/to/a/folder"
		return &failure{step: "make the data directory", err: err, mend: mend}
	}
	return nil
}

// writePrivate replaces a file at once: a reader sees the old content or the
// new one, and nobody else can read either.
func writePrivate(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // CreateTemp makes it 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // no-op once renamed
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
