package tenancy

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"realtime/protocol/codes"
)

// maxTokenBytes bounds what one token may cost. Handshake headers are limited to a few kilobytes anyway; a join payload is not.
const maxTokenBytes = 64 << 10

// Verify checks a tenant token at now. Like upstream it percent-decodes the token once, drops all white space in it, and asks
// in this order: are payload and header JSON objects, is there a key, does the signature match, are exp, iat and the
// validators' claims right, are role and exp there. A null role counts as there.
//
// Errors are faults: MalformedJWT (also a part or a claim of the wrong kind), InvalidJWTToken, JwtSignerError,
// JwtSignatureError, ErrorConnectingToWebsocket (a validator's claim), UnknownError (the stored secret cannot be read). ConnectAnswer, JoinReason and RefreshMessage say
// how each door tells them. Their causes name algorithm, kid, key source and the secret's fingerprint, for logs only.
//
// A token that was found right lately is not taken apart again, and its claims are there once, however many clients share it.
func (t *Tenant) Verify(token string, now time.Time) (*Claims, error) {
	key := keyOf(t, token)
	if c := t.env.verified.find(key, now); c != nil {
		return c, nil
	}
	c, err := verify(token, t.keys, t.env.known, t.env.validators, now, requireTenantClaims)
	if err != nil {
		return nil, err
	}
	c.Token = strings.Clone(token) // not what it is a part of
	t.env.verified.keep(key, c)
	return c, nil
}

// VerifySecret checks an API or metrics token: HS256, HS384 or HS512 with this very secret. It requires no claim, so that a
// token without exp never expires. Errors are as Verify's.
func VerifySecret(token, secret string, v Validators, now time.Time) (*Claims, error) {
	return verify(token, newKeys(secret, nil, nil), nil, v, now, nil)
}

// Sign makes an HS256 token of claims. They are signed as they are: exp and role are the caller's to give.
func Sign(secret []byte, claims map[string]any) (string, error) {
	if len(secret) == 0 {
		return "", errors.New("sign token: the secret is empty")
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(claims)).SignedString(secret)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return text, nil
}

// Sign makes an HS256 token that the tenant itself verifies: with its own JWT secret.
func (t *Tenant) Sign(claims map[string]any) (string, error) {
	if t.keys.secretErr != nil {
		return "", fmt.Errorf("sign token for tenant %q: read jwt_secret: %w", t.ExternalID, t.keys.secretErr)
	}
	if t.keys.secret == nil {
		return "", fmt.Errorf("sign token for tenant %q: it has no jwt_secret", t.ExternalID)
	}
	return Sign(t.keys.secret, claims)
}

// parts are a token taken apart, nothing of it verified.
type parts struct {
	signed    string // header "." payload, as sent
	payload   []byte
	claims    map[string]any
	header    map[string]any
	signature []byte
}

// verify does all that tenant, API and metrics tokens have in common; require, if any, is the last question to the claims.
func verify(token string, k *keys, known []KnownSecret, v Validators, now time.Time, require func(map[string]any) error) (*Claims, error) {
	p, err := splitToken(token)
	if err != nil {
		return nil, err
	}
	alg, _ := p.header["alg"].(string)
	kid, hasKid := p.header["kid"].(string)
	key, err := k.choose(alg, kid, hasKid)
	detail := &TokenError{Alg: alg, Kid: kid, Source: key.source, Fingerprint: key.secret, cause: err}
	switch {
	case err != nil && !errors.Is(err, errNoSigner):
		return nil, codes.Wrap(codes.UnknownError, detail, "")
	case err != nil && key.byKid:
		return nil, codes.Wrap(codes.JwtSignerError, detail,
			"Failed to generate JWT signer for key ID (kid) %q, check your JWT secret or JWKS configuration", cut(kid))
	case err != nil:
		return nil, codes.Wrap(codes.JwtSignerError, detail,
			"Failed to generate JWT signer, check your JWT secret or JWKS configuration")
	}
	if err := key.method.Verify(p.signed, p.signature, key.key); err != nil {
		detail.cause, detail.Guess = errSignature, guess(&p, &key, k, known)
		return nil, codes.Wrap(codes.JwtSignatureError, detail, "Failed to validate JWT signature")
	}
	err = checkClaims(p.claims, v, now)
	if err == nil && require != nil {
		err = require(p.claims)
	}
	if err != nil {
		f := codes.Of(err)
		detail.cause = f.Unwrap()
		return nil, codes.Wrap(f.Code, detail, "%s", f.Text)
	}
	return newClaims(p.payload, p.claims), nil
}

// SameToken reports whether two texts are one token, however they are escaped, spaced or padded. Only what is signed
// counts: a signature can be written in several ways.
func SameToken(a, b string) bool {
	x, xerr := splitToken(a)
	y, yerr := splitToken(b)
	return xerr == nil && yerr == nil && x.signed == y.signed
}

// splitToken takes a token apart. Payload first: of two wrong parts upstream names that one.
func splitToken(token string) (p parts, err error) {
	text, err := cleanToken(token)
	if err != nil {
		return p, err
	}
	segments := strings.Split(text, ".")
	if len(segments) != 3 {
		return p, malformed(fmt.Errorf("it has %d parts, not 3", len(segments)))
	}
	p.signed = text[:strings.LastIndexByte(text, '.')]
	if p.payload, p.claims, err = decodePart(segments[1], "claims"); err != nil {
		return p, err
	}
	if _, p.header, err = decodePart(segments[0], "header"); err != nil {
		return p, err
	}
	if p.signature, err = decodeSegment(segments[2]); err != nil {
		return p, malformed(errors.New("the signature is not base64url"))
	}
	return p, nil
}

// cleanToken undoes what browsers, shells and editors do to a token that is pasted into an address or a file.
func cleanToken(token string) (string, error) {
	if len(token) > maxTokenBytes {
		return "", malformed(fmt.Errorf("it is %d bytes long", len(token)))
	}
	if strings.Contains(token, "%") {
		decoded, err := url.PathUnescape(token)
		if err != nil {
			return "", malformed(errors.New("it has a bad percent escape"))
		}
		token = decoded
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, token), nil
}

// decodePart decodes header or payload, which must be a JSON object in UTF-8.
func decodePart(segment, name string) ([]byte, map[string]any, error) {
	raw, err := decodeSegment(segment)
	if err != nil {
		return nil, nil, malformed(fmt.Errorf("the %s part is not base64url", name))
	}
	var value any
	if !utf8.Valid(raw) || decodeJSON(raw, &value) != nil {
		return nil, nil, malformed(fmt.Errorf("the %s part is not JSON", name))
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, nil, malformed(fmt.Errorf("the %s part is not an object", name))
	}
	return raw, object, nil
}

// decodeSegment reads base64url with or without padding.
func decodeSegment(s string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
}

// jsonObject reports whether raw is a JSON object; for settings and key sets that come as text.
func jsonObject(raw []byte) bool {
	var fields map[string]json.RawMessage
	return json.Unmarshal(raw, &fields) == nil && fields != nil
}
