package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
)

// secrets are the two values that a server with an embedded database cannot do
// without and makes for itself on its first start.
type secrets struct {
	JWT string // API_JWT_SECRET: 43 characters, 256 bits
	Enc string // DB_ENC_KEY: 16 characters as AES-128 wants, 96 bits
}

const secretsHeader = "# Made by the first start of realtime. Variables of the same names take precedence.\n" +
	"# Whoever has these can sign tokens and read the secrets in the database.\n"

var errNoSecrets = errors.New("no secrets were made yet")

// loadSecrets reads what an earlier start made: errNoSecrets if there was none.
func loadSecrets(d dataDir) (secrets, error) {
	content, err := os.ReadFile(d.secretsFile())
	if missing(err) {
		return secrets{}, errNoSecrets
	}
	if err != nil {
		return secrets{}, fmt.Errorf("read the secrets: %w", err)
	}
	var s secrets
	for line := range strings.Lines(string(content)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch name {
		case "API_JWT_SECRET":
			s.JWT = value
		case "DB_ENC_KEY":
			s.Enc = value
		}
	}
	if s.JWT == "" || len(s.Enc) != 16 {
		return secrets{}, &failure{
			step: "read the secrets", err: fmt.Errorf("%s is damaged", d.secretsFile()),
			mend: "put back a copy of it, or set API_JWT_SECRET and DB_ENC_KEY to the values it had",
		}
	}
	return s, nil
}

// ensureSecrets returns the secrets of d and makes them if there are none. They
// are never changed: the rows of the database are encrypted with them.
func ensureSecrets(d dataDir) (secrets, error) {
	s, err := loadSecrets(d)
	if !errors.Is(err, errNoSecrets) {
		return s, err
	}
	s = secrets{JWT: randomText(32), Enc: randomText(12)}
	content := fmt.Sprintf("%sAPI_JWT_SECRET=%s\nDB_ENC_KEY=%s\n", secretsHeader, s.JWT, s.Enc)
	if err := writePrivate(d.secretsFile(), []byte(content)); err != nil {
		return secrets{}, &failure{
			step: "keep the generated secrets", err: err,
			mend: "choose a folder you may write to: REALTIME_DATA_DIR=/path/to/a/folder",
		}
	}
	return s, nil
}

// randomText returns n random bytes as text; it is a third longer than n.
func randomText(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails, by its documentation
	return base64.RawURLEncoding.EncodeToString(b)
}

// fill puts the secrets of an embedded server where the environment gave none.
func (c *Config) fill(s secrets) {
	if c.JWTSecret == "" {
		c.JWTSecret = s.JWT
	}
	if c.EncKey == "" {
		c.EncKey = s.Enc
	}
}
