package pgtest

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"realtime/postgres"
)

// ServeTLS has the server of the test binary speak TLS, to those who ask for it, until the end of the test. issue writes the
// certificate and its key into the files it is given.
func ServeTLS(t testing.TB, s postgres.Settings, issue func(certFile, keyFile string)) {
	t.Helper()
	var cluster string
	if err := Conn(t, s).QueryRow(t.Context(), "show data_directory").Scan(&cluster); err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := filepath.Join(cluster, "test.crt"), filepath.Join(cluster, "test.key")
	issue(certFile, keyFile)
	if st, err := os.Stat(cluster); err != nil {
		t.Fatal(err)
	} else if id, ok := st.Sys().(*syscall.Stat_t); ok && os.Getuid() == 0 {
		for _, f := range []string{certFile, keyFile} {
			if err := os.Chown(f, int(id.Uid), int(id.Gid)); err != nil {
				t.Fatal(err)
			}
		}
	}
	set := func(sql ...string) {
		for _, q := range append(sql, "select pg_reload_conf()") {
			Exec(t, s, q)
		}
	}
	set("alter system set ssl_cert_file = 'test.crt'", "alter system set ssl_key_file = 'test.key'", "alter system set ssl = on")
	t.Cleanup(func() { set("alter system reset ssl") })
	probe := s
	probe.TLS.Mode = postgres.TLSRequire
	for deadline := time.Now().Add(time.Minute); ; <-time.After(5 * time.Millisecond) { // the reload takes a moment to reach the postmaster
		c, err := postgres.Connect(t.Context(), probe)
		if err == nil {
			_ = c.Close(t.Context())
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
