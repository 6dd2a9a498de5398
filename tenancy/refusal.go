package tenancy

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"realtime/protocol/codes"
)

// Sentences of upstream that stand for a detail which it only logs.
const (
	connectText = "Error connecting to Realtime"
	joinText    = "Unknown Error on Channel"
)

var (
	errExpired   = errors.New("the token's time is over")
	errMissing   = errors.New("a required claim is missing")
	errSignature = errors.New("the signature does not match")
)

// TokenError is the cause of a refused token, for logs and operators: which key was tried, nothing of the token but its
// header's alg and kid, which are the client's words and cut to a sane length.
type TokenError struct {
	Alg, Kid    string
	Source      string // jwt_secret or JWKS; "" if no key was sought
	Fingerprint string // of the secret that was tried; "" for asymmetric keys
	Guess       string // what was probably mixed up; "" if nothing is known
	cause       error
}

// Error names the key that was tried.
func (e *TokenError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v (alg %q", e.cause, cut(e.Alg))
	if e.Kid != "" {
		fmt.Fprintf(&b, ", kid %q", cut(e.Kid))
	}
	if e.Source != "" {
		fmt.Fprintf(&b, ", key source %s", e.Source)
	}
	if e.Fingerprint != "" {
		fmt.Fprintf(&b, ", secret fingerprint %s", e.Fingerprint)
	}
	b.WriteByte(')')
	if e.Guess != "" {
		b.WriteString("; " + e.Guess)
	}
	return b.String()
}

// Unwrap returns why the key did not do.
func (e *TokenError) Unwrap() error { return e.cause }

// ConnectAnswer is how a WebSocket handshake answers an error of Verify: an HTTP status, and the text of {"error": text}.
func ConnectAnswer(err error) (status int, text string) {
	f := codes.Of(err)
	switch f.Code {
	case codes.InvalidJWTToken:
		if errors.Is(err, errExpired) {
			return http.StatusUnauthorized, "Token has expired"
		}
		return http.StatusUnauthorized, f.Text
	case codes.MalformedJWT, codes.JwtSignerError, codes.JwtSignatureError:
		return http.StatusUnauthorized, f.Text
	case codes.ErrorConnectingToWebsocket:
		return http.StatusInternalServerError, connectText
	}
	return http.StatusInternalServerError, "Internal Server Error"
}

// JoinReason is the response.reason of a join that an error of Verify refuses.
func JoinReason(err error) string {
	f := codes.Of(err)
	switch f.Code {
	case codes.ErrorConnectingToWebsocket:
		return joinText
	case codes.UnknownError:
		return string(codes.UnknownErrorOnChannel) + ": The tenant's JWT secret cannot be read"
	}
	return f.Reason()
}

// RefreshMessage is the message of the system event that ends a channel whose new or current token does not verify. Where
// upstream sends the inner form of its own values, this is the sentence.
func RefreshMessage(err error) string {
	f := codes.Of(err)
	switch f.Code {
	case codes.ErrorConnectingToWebsocket:
		if e, ok := errors.AsType[*claimError](err); ok {
			return fmt.Sprintf("Invalid token: claim %q", cut(e.name))
		}
		return joinText
	case codes.UnknownError:
		return "The tenant's JWT secret cannot be read"
	}
	return f.Text
}

// malformed is the fault of a text that is no token.
func malformed(cause error) *codes.Fault {
	return codes.Wrap(codes.MalformedJWT, cause, "The token provided is not a valid JWT")
}

// claimError is a claim with a wrong value. It names the claim, not the value.
type claimError struct{ name, what string }

func (e *claimError) Error() string { return fmt.Sprintf("claim %q %s", cut(e.name), e.what) }

// cut shortens what a client or a configuration says, for logs and answers.
func cut(s string) string {
	const most = 128
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
