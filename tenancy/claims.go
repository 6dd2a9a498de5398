package tenancy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"time"

	"realtime/protocol/codes"
)

// Claims are a verified token's. Whoever has the same token has the same Claims: they never change.
type Claims struct {
	Token   string    // the text that was verified, as it was given (tenant tokens only)
	Raw     string    // JSON object as signed, for request.jwt.claims
	Role    string    // database role; "" if the claim is null or not a string
	Subject string    // sub, "" if there is none
	Expires time.Time // zero if the token has no exp (API and metrics tokens only)
}

// Validators are claims that a token must carry with exactly this value, if it carries them at all (JWT_CLAIM_VALIDATORS). The
// zero value asks for nothing. Immutable.
type Validators struct {
	names []string // sorted
	want  map[string]any
}

// ParseValidators reads JWT_CLAIM_VALIDATORS, a JSON object; "" is none.
func ParseValidators(text string) (Validators, error) {
	if strings.TrimSpace(text) == "" {
		return Validators{}, nil
	}
	var v Validators
	if err := decodeJSON([]byte(text), &v.want); err != nil || v.want == nil {
		hint := ""
		if strings.Contains(text, "'") {
			hint = " (JSON wants double quotes)"
		}
		return Validators{}, errors.New("parse JWT_CLAIM_VALIDATORS: JWT claim validators is not a valid JSON object" + hint)
	}
	for name := range v.want {
		v.names = append(v.names, name)
	}
	slices.Sort(v.names)
	return v, nil
}

// checkClaims applies the rules for all tokens to the decoded payload: exp and iat if they are there, then the validators.
// nbf is not looked at, as upstream does not. A claim of the wrong kind makes the token malformed; upstream answers with an
// internal error, which says nothing to anybody.
func checkClaims(claims map[string]any, v Validators, now time.Time) error {
	if exp, ok := claims["exp"]; ok {
		if err := checkExpiry(exp, now); err != nil {
			return err
		}
	}
	if iat, ok := claims["iat"]; ok {
		if _, number := iat.(json.Number); !number {
			return malformed(&claimError{"iat", "is not a number"})
		}
	}
	for _, name := range v.names {
		if got, ok := claims[name]; ok && !equalJSON(got, v.want[name]) {
			return codes.Wrap(codes.ErrorConnectingToWebsocket,
				&claimError{name, "is not what JWT_CLAIM_VALIDATORS asks for"}, connectText)
		}
	}
	return nil
}

// checkExpiry wants a number greater than now, which counts in whole seconds. A fraction is accepted and rounded, so that one
// may lie ahead of now and its second not.
func checkExpiry(exp any, now time.Time) error {
	n, ok := exp.(json.Number)
	if !ok {
		return malformed(&claimError{"exp", "is not a number"})
	}
	at, whole, ok := number(n)
	if !ok {
		return malformed(&claimError{"exp", "is out of range"})
	}
	seconds := now.Unix()
	late := new(big.Int).Sub(big.NewInt(seconds), at)
	f, _ := n.Float64() // an integer beyond its range is ahead of now or behind it either way
	switch over := late.Sign() >= 0; {
	case over && !whole && f > float64(seconds):
		return codes.Wrap(codes.InvalidJWTToken, errExpired, "Token expiration time is invalid")
	case over:
		return codes.Wrap(codes.InvalidJWTToken, errExpired, "Token has expired %s seconds ago", late)
	}
	return nil
}

// requireTenantClaims wants what a tenant's token must carry. A null role counts, as upstream has it.
func requireTenantClaims(claims map[string]any) error {
	_, role := claims["role"]
	_, exp := claims["exp"]
	if !role || !exp {
		return codes.Wrap(codes.InvalidJWTToken, errMissing, "Fields `role` and `exp` are required in JWT")
	}
	return nil
}

// number rounds a JSON number to an integer and says whether it is written as one: digits only, as Elixir's parser decides.
// A number beyond 10^400 is refused: its digits would cost more than the token is worth.
func number(n json.Number) (at *big.Int, whole, ok bool) {
	text := n.String()
	if len(text) > 400 {
		return nil, false, false
	}
	if !strings.ContainsAny(text, ".eE") {
		at, ok = new(big.Int).SetString(text, 10)
		return at, true, ok
	}
	f, err := n.Float64()
	if err != nil || math.IsInf(f, 0) {
		return nil, false, false
	}
	at, _ = big.NewFloat(math.Round(f)).Int(nil)
	return at, false, true
}

// newClaims takes what sessions need from a checked payload.
func newClaims(raw []byte, claims map[string]any) *Claims {
	c := &Claims{Raw: string(raw)}
	c.Role, _ = claims["role"].(string)
	c.Subject, _ = claims["sub"].(string)
	if n, ok := claims["exp"].(json.Number); ok {
		if at, _, ok := number(n); ok {
			c.Expires = expiry(at)
		}
	}
	return c
}

// expiry caps the time at the year 9999, so that arithmetic and printing stay sane for "never expires" values.
func expiry(at *big.Int) time.Time {
	const last = 253402300799
	if !at.IsInt64() || at.Int64() > last {
		return time.Unix(last, 0)
	}
	return time.Unix(at.Int64(), 0)
}

// equalJSON compares two decoded values; numbers are equal if their values are, however they are written.
func equalJSON(a, b any) bool {
	switch x := a.(type) {
	case json.Number:
		y, ok := b.(json.Number)
		if !ok {
			return false
		}
		if x == y {
			return true
		}
		f, ferr := x.Float64()
		g, gerr := y.Float64()
		return ferr == nil && gerr == nil && f == g
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, equalJSON)
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for name, v := range x {
			if w, ok := y[name]; !ok || !equalJSON(v, w) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a, b)
}

// decodeJSON decodes exactly one value and keeps numbers as they are written.
func decodeJSON(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("decode JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("decode JSON: more than one value")
	}
	return nil
}
