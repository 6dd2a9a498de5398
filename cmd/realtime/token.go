package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"realtime/tenancy"
)

type tokenCommands struct {
	Make tokenCommand `cmd:"" default:"withargs" help:"Print a signed token on standard output (the default)."`
}

// tokenCommand signs with the secret of the self-host tenant, which needs no
// running server, or with the stored secret of the tenant that --tenant names.
type tokenCommand struct {
	Role   string        `enum:"anon,authenticated,service_role" default:"anon" help:"Database role: anon, authenticated or service_role."`
	Sub    string        `placeholder:"ID" help:"User id: auth.uid() in policies."`
	Claims string        `placeholder:"JSON" help:"More claims, as a JSON object; they win over the flags."`
	TTL    time.Duration `default:"1h" help:"How long it is valid."`
	Tenant string        `placeholder:"ID" help:"External id of the tenant, if not the self-host one."`
}

func (t *tokenCommand) Run(ctx context.Context, p *process) error {
	c, err := p.config()
	if err != nil {
		return err
	}
	claims, err := t.claims(time.Now())
	if err != nil {
		return err
	}
	token, err := sign(ctx, c, t.Tenant, claims)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, token)
	return err
}

func (t *tokenCommand) claims(now time.Time) (map[string]any, error) {
	if t.TTL <= 0 {
		return nil, usage(fmt.Errorf("--ttl=%s: want a duration above zero, such as 1h or 30m", t.TTL))
	}
	claims := map[string]any{"role": t.Role, "iat": now.Unix(), "exp": now.Add(t.TTL).Unix()}
	if t.Sub != "" {
		claims["sub"] = t.Sub
	}
	if t.Claims != "" {
		more, err := object(t.Claims)
		if err != nil {
			return nil, usage(fmt.Errorf("--claims: %w", err))
		}
		maps.Copy(claims, more)
	}
	return claims, nil
}

// object reads a JSON object and keeps its numbers as they are written.
func object(text string) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil || m == nil || d.More() {
		return nil, errors.New(`want a JSON object such as {"sub":"…"}`)
	}
	return m, nil
}

func usage(err error) error { return &failure{err: err, code: exitUsage} }

// sign makes a token for tenant, "" being the self-host one.
func sign(ctx context.Context, c *Config, tenant string, claims map[string]any) (string, error) {
	switch {
	case tenant != "" && tenant != c.TenantName():
		return signStored(ctx, c, tenant, claims)
	case !c.Embedded() && c.JWTSecret == "":
		return signStored(ctx, c, c.TenantName(), claims)
	}
	secret, err := jwtSecret(c)
	if err != nil {
		return "", err
	}
	return tenancy.Sign([]byte(secret), claims)
}

// jwtSecret is the secret of the self-host tenant as the environment or the data
// directory has it.
func jwtSecret(c *Config) (string, error) {
	if c.JWTSecret != "" {
		return c.JWTSecret, nil
	}
	d, err := dataDirOf(c)
	if err != nil {
		return "", err
	}
	s, err := loadSecrets(d)
	switch {
	case errors.Is(err, errNoSecrets):
		return "", &failure{
			step: "find the secret to sign with", err: fmt.Errorf("%w in %s", err, d),
			mend: "start the server once (realtime serve), or set REALTIME_DATA_DIR to its data directory, or API_JWT_SECRET",
		}
	case err != nil:
		return "", &failure{step: "find the secret to sign with", err: err, mend: "run this as the account that runs the server, or set API_JWT_SECRET"}
	}
	return s.JWT, nil
}

// fillStored adds to the configuration what the data directory keeps.
func fillStored(c *Config) error {
	if !c.Embedded() {
		return nil
	}
	d, err := dataDirOf(c)
	if err != nil {
		return err
	}
	s, err := loadSecrets(d)
	if err != nil {
		return err
	}
	c.fill(s)
	return nil
}

// signStored signs with the secret in a tenant's row.
func signStored(ctx context.Context, c *Config, id string, claims map[string]any) (string, error) {
	t, err := storedTenant(ctx, c, id)
	if err != nil {
		return "", err
	}
	return t.Sign(claims)
}

// storedTenant reads a tenant's row.
func storedTenant(ctx context.Context, c *Config, id string) (*tenancy.Tenant, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	db, err := databaseAndSecrets(ctx, c)
	if err != nil {
		return nil, err
	}
	store, err := openStore(ctx, c, db, nil)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	t, err := store.Get(ctx, id)
	if err != nil {
		return nil, &failure{step: fmt.Sprintf("find tenant %q", id), err: err}
	}
	return t, nil
}
