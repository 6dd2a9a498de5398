package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// owner is the system user that Postgres runs as. Postgres refuses to run as root, so root lends it another one.
type owner struct {
	name     string
	uid, gid int
	drop     bool // we are root and hand over to this user
}

// chooseOwner picks the user: ourselves; or, as root, whoever the cluster or its directory belongs to already, else
// postgres, else nobody.
func chooseOwner(dir string) (owner, error) {
	if uid := os.Geteuid(); uid != 0 {
		return owner{name: userName(uid), uid: uid, gid: os.Getegid()}, nil
	}
	for _, d := range []string{filepath.Join(dir, clusterName), dir} {
		st, err := os.Lstat(d)
		if err != nil {
			continue
		}
		uid, gid := ownerOf(st)
		if u, err := user.LookupId(strconv.Itoa(uid)); err == nil && uid != 0 { // Postgres does not run without a name
			return owner{name: u.Username, uid: uid, gid: gid, drop: true}, nil
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if errors.Join(err1, err2) == nil && uid > 0 {
			return owner{name: name, uid: uid, gid: gid, drop: true}, nil
		}
	}
	return owner{}, errors.New("choose a user for Postgres: it refuses to run as root, and there is no user postgres or nobody to run it as; " +
		"create one with `useradd --system postgres`, or start this server as a user that is not root")
}

func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return "#" + strconv.Itoa(uid)
}

func ownerOf(st fs.FileInfo) (uid, gid int) {
	s, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return os.Geteuid(), os.Getegid()
	}
	return int(s.Uid), int(s.Gid)
}

// checkReach makes sure that the user may pass through dir and every directory above it. Root may pass anywhere, so
// without this look the first sign of a closed door would be Postgres failing with a bare "permission denied".
func (o owner) checkReach(dir string) error {
	if !o.drop {
		return nil
	}
	for d := dir; ; d = filepath.Dir(d) {
		st, err := os.Stat(d)
		if err != nil {
			return fmt.Errorf("check directory: %w", err)
		}
		uid, gid := ownerOf(st)
		need := fs.FileMode(0o001)
		switch {
		case uid == o.uid:
			need = 0o100
		case gid == o.gid:
			need = 0o010
		}
		if st.Mode().Perm()&need == 0 {
			return fmt.Errorf("start Postgres as user %s: it may not enter %s (mode %#o, owner %s), on the way to %s; choose another directory, or open this one with `chmod o+x %s`",
				o.name, d, st.Mode().Perm(), userName(uid), dir, d)
		}
		if d == filepath.Dir(d) {
			return nil
		}
	}
}
