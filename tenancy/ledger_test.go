package tenancy

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3/database"

	"realtime/postgres/pgtest"
)

// goose asks for versions one by one only where somebody applies or looks at one; the answers must be right all the same.
func TestLedgerAnswersGoose(t *testing.T) {
	s := pgtest.DB(t)
	config, err := s.Config()
	if err != nil {
		t.Fatal(err)
	}
	db := openSQL(config, "public")
	defer db.Close()
	var l ledger
	if err := l.CreateVersionTable(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	for _, v := range []int64{0, 5} {
		if err := l.Insert(t.Context(), db, database.InsertRequest{Version: v}); err != nil {
			t.Fatal(err)
		}
		if m, err := l.GetMigration(t.Context(), db, v); err != nil || !m.IsApplied {
			t.Errorf("version %d: %+v, %v", v, m, err)
		}
	}
	if got := lines(t, s, "select version::text from schema_migrations"); cmp.Diff(got, []string{"5"}) != "" {
		t.Errorf("the table holds %v", got)
	}
	if err := l.Delete(t.Context(), db, 5); err != nil {
		t.Fatal(err)
	}
	if _, err := l.GetMigration(t.Context(), db, 5); !errors.Is(err, database.ErrVersionNotFound) {
		t.Errorf("a deleted version: %v", err)
	}
	if v, err := l.GetLatestVersion(t.Context(), db); v != 0 || err != nil {
		t.Errorf("latest is %d, %v", v, err)
	}
}

func TestMigrationFilesAreUpstreamsVersions(t *testing.T) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		version, _, _ := strings.Cut(strings.TrimPrefix(f, "migrations/"), "_")
		got = append(got, version)
	}
	if diff := cmp.Diff(got, strings.Fields(upstreamVersions)); diff != "" {
		t.Errorf("versions (-got +want):\n%s", diff)
	}
}
