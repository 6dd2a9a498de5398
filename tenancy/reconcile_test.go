package tenancy

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"realtime/postgres/pgtest"
	"realtime/tests/leaks"
)

func TestReconcileTakesSecretsOverToGCM(t *testing.T) {
	s := pgtest.DB(t)
	old := openStore(t, s, StoreOptions{})
	seeded(t, old, selfHost())
	var log strings.Builder
	store := openStore(t, s, StoreOptions{Cipher: newCipher(t, ecbKey, gcmKey, true), Log: slog.New(slog.NewTextHandler(leaks.Watch(t, &log), nil))})
	before, err := NewCache(store, 0).Get(t.Context(), "realtime-dev")
	if err != nil {
		t.Fatal(err)
	}
	after, err := store.Get(t.Context(), "realtime-dev")
	if err != nil {
		t.Fatal(err)
	}
	if after.holdsECB() || !after.gcm || !strings.HasPrefix(after.secret, "g1:") {
		t.Errorf("still ECB: %q, log %s", after.secret, log.String())
	}
	if after.Check() != nil || after.Fingerprint() != before.Fingerprint() || after.ID != before.ID || !after.UpdatedAt.Equal(before.UpdatedAt) {
		t.Errorf("the meaning changed: %+v", after)
	}
	if d, err := after.Database(); err != nil || d.Settings.Password != "pw1" {
		t.Errorf("Database = %+v, %v", d, err)
	}
	// Going back to ECB: reading works as long as the key is there, and writing clears the stamp.
	back := openStore(t, s, StoreOptions{Cipher: newCipher(t, ecbKey, gcmKey, false)})
	if err := back.Check(t.Context()); err != nil {
		t.Error(err)
	}
	o := selfHost()
	o.JWTSecret = "new"
	if again, _, _ := seeded(t, back, o); again.gcm || strings.HasPrefix(again.secret, "g1:") {
		t.Errorf("written %q, stamp %v", again.secret, again.gcm)
	}
}

func TestReconcileWaitsForItsFlag(t *testing.T) {
	s := pgtest.DB(t)
	addTenant(t, openStore(t, s, StoreOptions{}), tenantJSON("acme"))
	store := openStore(t, s, StoreOptions{Cipher: newCipher(t, ecbKey, gcmKey, true)})
	flag := func(set string) { pgtest.Exec(t, s, "update _realtime.feature_flags set "+set) }
	own := func(json string) { pgtest.Exec(t, s, "update _realtime.tenants set feature_flags = '"+json+"'") }
	for _, c := range []struct {
		name string
		set  func()
		want bool
	}{
		{"no flag", func() {}, false},
		{"disabled", func() {
			if err := store.seedFlag(t.Context()); err != nil {
				t.Fatal(err)
			}
			flag("enabled = false")
		}, false},
		{"nobody's turn", func() { flag("enabled = true, rollout_percentage = 0") }, false},
		{"not this tenant", func() { flag("rollout_percentage = 100"); own(`{"gcm_encryption_backfill":false}`) }, false},
		{"this tenant", func() { flag("enabled = false"); own(`{"gcm_encryption_backfill":true}`) }, true},
	} {
		c.set()
		if _, err := NewCache(store, 0).Get(t.Context(), "acme"); err != nil {
			t.Fatal(err)
		}
		if tenant, err := store.Get(t.Context(), "acme"); err != nil || tenant.gcm != c.want {
			t.Errorf("%s: migrated %v, %v, want %v", c.name, tenant.gcm, err, c.want)
		}
	}
}

func TestFeatureRollsOutInParts(t *testing.T) {
	s := pgtest.DB(t)
	store := openStore(t, s, StoreOptions{})
	pgtest.Exec(t, s, "insert into _realtime.feature_flags (id, name, enabled, rollout_percentage, inserted_at, updated_at) values (gen_random_uuid(), 'half', true, 50, now(), now())")
	on := 0
	for i := range 200 {
		ok, err := store.Feature(t.Context(), "half", &Tenant{ExternalID: fmt.Sprint("tenant", i)})
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			on++
		}
	}
	if on < 60 || on > 140 {
		t.Errorf("on for %d of 200 tenants, want about 100", on)
	}
}

// Somebody who rotates a secret while it is taken over must win.
func TestReconcileLosesAgainstARotation(t *testing.T) {
	s := pgtest.DB(t)
	old := openStore(t, s, StoreOptions{})
	read, _, _ := seeded(t, old, selfHost())
	o := selfHost()
	o.JWTSecret = "rotated"
	seeded(t, old, o)
	var log strings.Builder
	store := openStore(t, s, StoreOptions{Cipher: newCipher(t, ecbKey, gcmKey, true), Log: slog.New(slog.NewTextHandler(leaks.Watch(t, &log), nil))})
	if err := store.reencrypt(t.Context(), read); !errors.Is(err, errRotated) {
		t.Errorf("got %v, want %v", err, errRotated)
	}
	store.reconcile(t.Context(), read)
	if !strings.Contains(log.String(), "code=EncryptionReconcileFailed") {
		t.Errorf("log is %q", log.String())
	}
	if tenant, err := store.Get(t.Context(), "realtime-dev"); err != nil || tenant.gcm || tenant.Fingerprint() != Fingerprint("rotated") || tenant.Check() != nil {
		t.Errorf("got %+v, %v", tenant, err)
	}
	o.Database.Password = "pw9"
	seeded(t, old, o)
	tenant, err := store.Get(t.Context(), "realtime-dev")
	if err != nil {
		t.Fatal(err)
	}
	o.Database.Password = "pw10"
	seeded(t, old, o)
	if err := store.reencrypt(t.Context(), tenant); !errors.Is(err, errRotated) {
		t.Errorf("settings: got %v, want %v", err, errRotated)
	}
	if tenant, err = store.Get(t.Context(), "realtime-dev"); err != nil || strings.HasPrefix(tenant.secret, "g1:") {
		t.Errorf("half of it was written: %q, %v", tenant.secret, err)
	}
}

// A tenant that cannot be taken over is served all the same.
func TestReconcileFailureDoesNotFailTheRead(t *testing.T) {
	s := pgtest.DB(t)
	addTenant(t, openStore(t, s, StoreOptions{}), tenantJSON("acme"))
	pgtest.Exec(t, s, "update _realtime.tenants set jwt_secret = 'by-hand', feature_flags = '{\"gcm_encryption_backfill\":true}'")
	store := openStore(t, s, StoreOptions{Cipher: newCipher(t, ecbKey, gcmKey, true)})
	if err := store.seedFlag(t.Context()); err != nil {
		t.Fatal(err)
	}
	tenant, err := NewCache(store, time.Minute).Get(t.Context(), "acme")
	if err != nil || tenant.Check() == nil {
		t.Errorf("got %v, %v", tenant, err)
	}
}
