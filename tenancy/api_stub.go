package tenancy

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"realtime/postgres"
)

type (
	keys     struct{}
	facts    struct{}
	backfill struct{}
)

var errUnfinished = errors.New("not written yet")

// Verify checks a tenant token at now and returns its claims. Its errors are faults with upstream's sentences; see ConnectAnswer and JoinReason for
// how the two doors tell them.
func (t *Tenant) Verify(token string, now time.Time) (*Claims, error) { return nil, errUnfinished }

// Claims are a verified token's.
type Claims struct {
	Raw     string // JSON object as signed
	Role    string // "" if it is not a string
	Subject string
	Expires time.Time // zero if the token has no exp (API tokens only)
}

// Validators are claims that a token must carry with exactly this JSON value if it carries them at all (JWT_CLAIM_VALIDATORS).
type Validators struct{}

// ParseValidators reads JWT_CLAIM_VALIDATORS, a JSON object; "" is none.
func ParseValidators(text string) (Validators, error) { return Validators{}, errUnfinished }

// VerifySecret checks an API or metrics token: HS256, HS384 or HS512 with this secret, no claim required.
func VerifySecret(token, secret string, v Validators, now time.Time) (*Claims, error) {
	return nil, errUnfinished
}

// Sign makes an HS256 token.
func Sign(secret []byte, claims map[string]any) (string, error) { return "", errUnfinished }

// ConnectAnswer is how a WebSocket handshake answers an error of Verify: an HTTP status and the text of {"error": text}.
func ConnectAnswer(err error) (status int, text string) { return 500, "" }

// JoinReason is how a join or a refused token refresh names an error of Verify.
func JoinReason(err error) string { return "" }

// RefreshMessage is the message of the system event that ends a channel whose token did not verify.
func RefreshMessage(err error) string { return "" }

// Cipher encrypts and decrypts stored secrets. It is immutable and safe for concurrent use.
type Cipher struct{}

// NewCipher takes DB_ENC_KEY (16 bytes), DB_ENC_KEY_GCM (32 bytes) and DB_ENC_WRITE_GCM. Either key may be "", not both.
func NewCipher(ecbKey, gcmKey string, writeGCM bool) (*Cipher, error) { return nil, errUnfinished }

// WritesGCM reports whether Encrypt makes g1: values: asked for, and the key is there.
func (c *Cipher) WritesGCM() bool { return false }

// Encrypt returns what to store.
func (c *Cipher) Encrypt(plain string) (string, error) { return "", errUnfinished }

// Decrypt is the reverse, whichever of the two made it.
func (c *Cipher) Decrypt(stored string) (string, error) { return "", errUnfinished }

// Fingerprint names a secret in eight hexadecimal digits that are safe to log.
func Fingerprint(secret string) string { return "" }

// StoreOptions are the environment's say in all rows.
type StoreOptions struct {
	Cipher     *Cipher       // required
	Schema     string        // "" finds an existing one, else makes _realtime; see SearchPathSchema
	PoolSize   int           // connections; 0 is 5
	Defaults   Limits        // for new rows and null columns; zero is DefaultLimits
	Validators Validators    // of every token
	SlotSuffix string        // SLOT_NAME_SUFFIX: [a-z0-9_], at most 19
	Timeout    time.Duration // of one statement's round trip; 0 is 5 s
	Log        *slog.Logger  // migrations and re-encryption; nil discards
}

// Store keeps the rows. It is safe for concurrent use.
type Store struct{}

// OpenStore connects, brings the schema to its final shape and checks the options. Two servers may do so at once.
func OpenStore(ctx context.Context, s postgres.Settings, o StoreOptions) (*Store, error) {
	return nil, errUnfinished
}

// SearchPathSchema is the schema that a DB_AFTER_CONNECT_QUERY such as "SET search_path TO _realtime" names.
func SearchPathSchema(query string) (string, error) { return "", errUnfinished }

// Close gives the connections back.
func (s *Store) Close() {}

// Schema is the schema in use.
func (s *Store) Schema() string { return "" }

// Get returns the row, or TenantNotFound.
func (s *Store) Get(ctx context.Context, externalID string) (*Tenant, error) {
	return nil, errUnfinished
}

// List returns all rows by external_id.
func (s *Store) List(ctx context.Context) ([]*Tenant, error) { return nil, errUnfinished }

// Upsert writes c and returns the row as it is then; created says that it is new.
func (s *Store) Upsert(ctx context.Context, c *Change) (t *Tenant, created bool, err error) {
	return nil, false, errUnfinished
}

// Delete removes the row and its extensions; a missing one is no error.
func (s *Store) Delete(ctx context.Context, externalID string) error { return errUnfinished }

// Change is one validated write: the columns that the request names.
type Change struct{ ExternalID string }

// Invalid is a refused write: per field the messages, as upstream's errors object.
type Invalid map[string]any

// Error names the fields, not their values.
func (i Invalid) Error() string { return "" }

// ParseChange reads the value of "tenant" in a request body. The error is an Invalid or says that it is not an object.
func ParseChange(body []byte, current *Tenant) (*Change, error) { return nil, errUnfinished }

// AppendTenant appends the JSON of t as the HTTP API shows it.
func AppendTenant(dst []byte, t *Tenant) []byte { return dst }

// Cache keeps rows for ttl. It is safe for concurrent use.
type Cache struct{}

// NewCache makes one over store; ttl 0 is 30 s.
func NewCache(store *Store, ttl time.Duration) *Cache { return &Cache{} }

// Get returns the tenant, or TenantNotFound.
func (c *Cache) Get(ctx context.Context, externalID string) (*Tenant, error) {
	return nil, errUnfinished
}

// Invalidate forgets the tenant, so that the next Get reads it.
func (c *Cache) Invalidate(externalID string) {}

// Resolver finds the tenant of a request.
type Resolver struct {
	Cache        *Cache
	SelfHostName string            // SELF_HOST_TENANT_NAME, "" if unset
	TrustHeader  bool              // x-tenant-id decides; only behind a proxy that sets it
	Hosts        map[string]string // exact host (lower case, no port) to external_id
}

// Resolve returns the tenant that host and h name, by the first rule that applies, or TenantNotFound.
func (r *Resolver) Resolve(ctx context.Context, host string, h http.Header) (*Tenant, error) {
	return nil, errUnfinished
}

// SeedOptions are what the environment dictates for the self-hosted tenant.
type SeedOptions struct {
	ExternalID  string // "" is realtime-dev
	JWTSecret   string
	JWKS        json.RawMessage // nil leaves what is stored
	Database    postgres.Settings
	SSLEnforced bool
	Region      string // "" is us-east-1
	Limits      LimitOverrides
	Report      func(SeedChange) // each column written or kept; nil is not told
}

// SeedChange says what Seed did with one column.
type SeedChange struct {
	Column string
	Action string // created, updated, kept
	Detail string // for people; no secret
}

// Seed makes or updates the self-hosted tenant and returns it.
func Seed(ctx context.Context, store *Store, o SeedOptions) (*Tenant, error) {
	return nil, errUnfinished
}
