package bench

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Target is a server under load.
type Target struct {
	Name    string // in tables: realtime, floor, nats
	Version string
	URL     string // http or ws
	Host    string // sent as the Host header; "" sends URL's
	Tenant  string // sent as x-tenant-id; "" sends none
	Token   string // what everybody connects with, unless Secret can sign one for each
	Secret  string // signs tokens (HS256)

	PID         int    // its process, 0 if it is not on this machine
	WholeTree   bool   // count the processes it has started as well
	PostgresPID int    // its database's first process, 0 if unknown
	Database    string // URL of its database, for the scenarios that write rows
	peer        peer   // how it is spoken to; nil for the protocol
}

// token returns a token with these claims added to the necessary ones.
func (t *Target) token(claims map[string]any) (string, error) {
	if t.Secret == "" {
		if t.Token == "" {
			return "", fmt.Errorf("connect to %s: no token and no secret to sign one with", t.URL)
		}
		return t.Token, nil
	}
	all := map[string]any{"role": "authenticated", "iat": time.Now().Unix(), "exp": time.Now().Add(12 * time.Hour).Unix()}
	maps.Copy(all, claims)
	body, err := json.Marshal(all)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	enc := base64.RawURLEncoding.EncodeToString
	text := enc([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + enc(body)
	mac := hmac.New(sha256.New, []byte(t.Secret))
	mac.Write([]byte(text))
	return text + "." + enc(mac.Sum(nil)), nil
}

// endpoint returns what to dial and which path to ask for.
func (t *Target) endpoint(path string) (address, resource string, err error) {
	u, err := url.Parse(t.URL)
	if err != nil {
		return "", "", fmt.Errorf("parse url: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "ws" {
		return "", "", fmt.Errorf("parse url: %q has scheme %q; the generator speaks http or ws (TLS would be most of what it measures)", t.URL, u.Scheme)
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	if base := strings.TrimSuffix(u.Path, "/"); base != "" {
		path = strings.TrimSuffix(base, "/websocket") + "/websocket"
	}
	return u.Hostname() + ":" + port, path, nil
}

// host is what the Host header says.
func (t *Target) host(address string) string {
	if t.Host != "" {
		return t.Host
	}
	return address
}

// counters reads the server's metrics: sums over all labels, by name. It is empty if they cannot be had.
func (t *Target) counters(ctx context.Context) map[string]float64 {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	u, err := url.Parse(t.URL)
	if err != nil || t.peer != nil {
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+u.Host+"/metrics", http.NoBody)
	if err != nil {
		return nil
	}
	req.Host = t.Host
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil
	}
	sums := map[string]float64{}
	for line := range strings.Lines(string(body)) {
		name, value, found := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasPrefix(line, "#") || !found {
			continue
		}
		if i := strings.LastIndexByte(line, '}'); i >= 0 {
			name, _, _ = strings.Cut(line, "{")
			value = strings.TrimSpace(line[i+1:])
		}
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			sums[name] += v
		}
	}
	return sums
}
