package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"realtime/postgres"
	"realtime/tenancy"
)

// userFlags say in whose name the database is asked.
type userFlags struct {
	Role   string `default:"anon" help:"Database role in the user's token."`
	Sub    string `placeholder:"ID" help:"User id in it: auth.uid() in policies."`
	Claims string `placeholder:"JSON" help:"Claims in it, as a JSON object; they win over --role and --sub."`
	Token  string `placeholder:"JWT" help:"The token itself, in place of all three. Its signature is not checked."`
}

// databaseFlags say which database is asked.
type databaseFlags struct {
	DatabaseURL string `name:"database-url" placeholder:"URL" help:"Database to ask; unset: the one of the server on this machine, or DB_HOST."`
	Tenant      string `placeholder:"ID" help:"Ask the database of this tenant's row."`
}

// database is where it is, with a tenant's settings or the defaults.
func (f *databaseFlags) database(ctx context.Context, p *process) (tenancy.Database, error) {
	db := tenancy.Database{Publication: tenancy.DefaultPublication}
	c, err := p.config()
	if err != nil {
		return db, err
	}
	switch {
	case f.DatabaseURL != "" && f.Tenant != "":
		return db, usage(errors.New("--database-url and --tenant: want one of them"))
	case f.DatabaseURL != "":
		if db.Settings, err = postgres.ParseURL(f.DatabaseURL); err != nil {
			return db, usage(fmt.Errorf("--database-url: %w", err))
		}
	case f.Tenant != "":
		t, err := storedTenant(ctx, c, f.Tenant)
		if err != nil {
			return db, err
		}
		if db, err = t.Database(); err != nil {
			return db, &failure{step: "find the tenant's database", err: err}
		}
	default:
		if db.Settings, err = databaseInUse(ctx, c); err != nil {
			return db, err
		}
	}
	return db, nil
}

// claims are the user's role, id and claims. What is odd about the token goes to w.
func (f *userFlags) claims(w io.Writer) (role, sub, text string, err error) {
	claims := map[string]any{"role": f.Role}
	if f.Sub != "" {
		claims["sub"] = f.Sub
	}
	text = f.Claims
	if f.Token != "" {
		if text, err = claimsIn(f.Token); err != nil {
			return "", "", "", usage(fmt.Errorf("--token: %w", err))
		}
		claims = map[string]any{}
	}
	if text != "" {
		more, err := object(text)
		if err != nil {
			return "", "", "", usage(fmt.Errorf("--claims: %w", err))
		}
		maps.Copy(claims, more)
	}
	role, _ = claims["role"].(string)
	sub, _ = claims["sub"].(string)
	noteExpiry(w, claims)
	if f.Token == "" { // those of a token stay as they were signed
		out, err := json.Marshal(claims)
		if err != nil {
			return "", "", "", fmt.Errorf("write the claims: %w", err)
		}
		text = string(out)
	}
	return role, sub, text, nil
}

// noteExpiry says that a token is no good any more: the question can be answered all the same.
func noteExpiry(w io.Writer, claims map[string]any) {
	number, _ := claims["exp"].(json.Number)
	at, err := number.Float64()
	if expiry := time.Unix(int64(at), 0); err == nil && expiry.Before(time.Now()) {
		fmt.Fprintf(w, "note: these claims expired at %s; the server refuses their token\n", expiry.UTC().Format(time.RFC3339))
	}
}

// claimsIn is the JSON of a token's claims. Who can ask the database directly need not prove who he is.
func claimsIn(token string) (string, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", errors.New("want a JWT: three parts with dots between them")
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return "", errors.New("its second part is not base64url")
	}
	return string(raw), nil
}
