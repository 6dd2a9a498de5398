package tenancy

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// What can be wrong with a stored secret. Errors of Cipher wrap one of them.
var (
	ErrNoKey         = errors.New("the key for this kind of value is not configured")
	ErrNotCiphertext = errors.New("the value is not ciphertext; it looks as if it had been typed in by hand")
	ErrWrongKey      = errors.New("the value does not decrypt; it was written with another key, or typed in by hand")
)

// gcmPrefix marks AES-256-GCM values. A colon is not in the base64 alphabet, so no ECB value starts like this.
const gcmPrefix = "g1:"

const (
	ecbKeyBytes = 16
	gcmKeyBytes = 32
	gcmIVBytes  = 12
	gcmTagBytes = 16
)

// Cipher encrypts and decrypts stored secrets in upstream's two formats. It is immutable and safe for concurrent use.
//
//	ECB   base64( AES-128-ECB(key, text, PKCS#7 padding) )    upstream's first format, deterministic and without a MAC
//	GCM   "g1:" base64( IV(12) | tag(16) | ciphertext )       AES-256-GCM, no associated data
type Cipher struct {
	ecb      cipher.Block // nil without a key
	gcm      cipher.AEAD  // nil without a key
	writeGCM bool
}

// NewCipher takes DB_ENC_KEY (exactly 16 bytes), DB_ENC_KEY_GCM (exactly 32 bytes) and DB_ENC_WRITE_GCM. Either key may be
// empty, not both. Values are read with whichever key they need; written is GCM if it is asked for and has a key, else ECB.
func NewCipher(ecbKey, gcmKey string, writeGCM bool) (*Cipher, error) {
	var errs []error
	if n := len(ecbKey); n != 0 && n != ecbKeyBytes {
		errs = append(errs, fmt.Errorf("check DB_ENC_KEY: must be exactly 16 bytes for AES-128-ECB, got %d bytes", n))
	}
	if n := len(gcmKey); n != 0 && n != gcmKeyBytes {
		errs = append(errs, fmt.Errorf("check DB_ENC_KEY_GCM: must be exactly 32 bytes for AES-256-GCM, got %d bytes", n))
	}
	if ecbKey == "" && (gcmKey == "" || !writeGCM) {
		errs = append(errs, errors.New("check DB_ENC_KEY: nothing to encrypt with; set it, or DB_ENC_KEY_GCM with DB_ENC_WRITE_GCM"))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	c := &Cipher{writeGCM: writeGCM && gcmKey != ""}
	if ecbKey != "" {
		block, err := aes.NewCipher([]byte(ecbKey))
		if err != nil {
			return nil, fmt.Errorf("make ECB cipher: %w", err)
		}
		c.ecb = block
	}
	if gcmKey != "" {
		block, err := aes.NewCipher([]byte(gcmKey))
		if err != nil {
			return nil, fmt.Errorf("make GCM cipher: %w", err)
		}
		if c.gcm, err = cipher.NewGCM(block); err != nil {
			return nil, fmt.Errorf("make GCM cipher: %w", err)
		}
	}
	return c, nil
}

// WritesGCM reports whether Encrypt makes GCM values: it was asked for, and the key is there.
func (c *Cipher) WritesGCM() bool { return c.writeGCM }

// Encrypt returns what to store for plain.
func (c *Cipher) Encrypt(plain string) string {
	if c.writeGCM {
		iv := make([]byte, gcmIVBytes)
		_, _ = rand.Read(iv) // crypto/rand never fails: it ends the process instead
		return c.seal(iv, plain)
	}
	n := aes.BlockSize - len(plain)%aes.BlockSize
	b := make([]byte, len(plain)+n)
	copy(b, plain)
	for i := len(plain); i < len(b); i++ {
		b[i] = byte(n)
	}
	for i := 0; i < len(b); i += aes.BlockSize {
		c.ecb.Encrypt(b[i:i+aes.BlockSize], b[i:i+aes.BlockSize])
	}
	return base64.StdEncoding.EncodeToString(b)
}

// seal is Encrypt for GCM with a given IV. The format wants the tag in front of the ciphertext; Go puts it behind.
func (c *Cipher) seal(iv []byte, plain string) string {
	sealed := c.gcm.Seal(nil, iv, []byte(plain), nil)
	text, tag := sealed[:len(plain)], sealed[len(plain):]
	b := make([]byte, 0, len(iv)+len(sealed))
	b = append(append(append(b, iv...), tag...), text...)
	return gcmPrefix + base64.StdEncoding.EncodeToString(b)
}

// Decrypt is the reverse of Encrypt, whichever format stored is in. The error wraps ErrNoKey, ErrNotCiphertext or ErrWrongKey
// and holds nothing of the value. An ECB value has no MAC: about one wrong key in 2^8 leaves valid padding, of which nearly all
// fail the test for UTF-8, so that garbage that passes for a secret is rare, not impossible.
func (c *Cipher) Decrypt(stored string) (string, error) {
	if rest, ok := strings.CutPrefix(stored, gcmPrefix); ok {
		return c.open(rest)
	}
	if c.ecb == nil {
		return "", fmt.Errorf("decrypt with DB_ENC_KEY: %w", ErrNoKey)
	}
	b, err := base64.StdEncoding.DecodeString(stored)
	if err != nil || len(b) == 0 || len(b)%aes.BlockSize != 0 {
		return "", fmt.Errorf("decrypt with DB_ENC_KEY: %w", ErrNotCiphertext)
	}
	for i := 0; i < len(b); i += aes.BlockSize {
		c.ecb.Decrypt(b[i:i+aes.BlockSize], b[i:i+aes.BlockSize])
	}
	plain, ok := unpad(b)
	if !ok || !utf8.Valid(plain) {
		return "", fmt.Errorf("decrypt with DB_ENC_KEY: %w", ErrWrongKey)
	}
	return string(plain), nil
}

// open decrypts a GCM value without its prefix.
func (c *Cipher) open(encoded string) (string, error) {
	if c.gcm == nil {
		return "", fmt.Errorf("decrypt with DB_ENC_KEY_GCM: %w", ErrNoKey)
	}
	b, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(b) < gcmIVBytes+gcmTagBytes {
		return "", fmt.Errorf("decrypt with DB_ENC_KEY_GCM: %w", ErrNotCiphertext)
	}
	iv, tag, text := b[:gcmIVBytes], b[gcmIVBytes:gcmIVBytes+gcmTagBytes], b[gcmIVBytes+gcmTagBytes:]
	sealed := append(append(make([]byte, 0, len(text)+len(tag)), text...), tag...)
	plain, err := c.gcm.Open(nil, iv, sealed, nil)
	if err != nil {
		return "", fmt.Errorf("decrypt with DB_ENC_KEY_GCM: %w", ErrWrongKey)
	}
	return string(plain), nil
}

// unpad takes PKCS#7 padding off. Upstream looks at the last byte only; all of them are checked here, because that is the one
// sign of a wrong key that ECB leaves.
func unpad(b []byte) ([]byte, bool) {
	n := int(b[len(b)-1])
	if n == 0 || n > aes.BlockSize {
		return nil, false
	}
	for _, p := range b[len(b)-n:] {
		if int(p) != n {
			return nil, false
		}
	}
	return b[:len(b)-n], true
}

// Fingerprint names a JWT secret in eight hexadecimal digits, "" for none. It is safe to log: whoever has a token can test
// guesses of the secret offline anyway, and 32 bits of a hash tell nothing more. Do not use it for passwords.
func Fingerprint(secret string) string {
	if secret == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("realtime jwt secret\x00" + secret))
	return hex.EncodeToString(sum[:4])
}

// current reports whether stored is in the format that Encrypt writes now.
func (c *Cipher) current(stored string) bool {
	return strings.HasPrefix(stored, gcmPrefix) == c.writeGCM
}
