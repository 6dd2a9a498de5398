package postgres

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const defaultPort = 5432

// Settings says where a database is and how to talk to it. Host, User and Database are required. A value is safe to
// share as long as nobody changes its Params.
type Settings struct {
	Host            string // name, address, or the absolute directory of a Unix socket
	Port            int    // 0 means 5432
	User            string
	Password        Secret
	Database        string
	TLS             TLS
	ApplicationName string            // as pg_stat_activity shows it
	IPVersion       IPVersion         // family that Host is resolved in; "" takes both
	Params          map[string]string // run-time parameters of the session, for example search_path
}

// WithApplication returns a copy that connects under the given application name. The copy shares Params.
func (s Settings) WithApplication(name string) Settings {
	s.ApplicationName = name
	return s
}

// onSocket reports whether Host is the directory of a Unix socket.
func (s Settings) onSocket() bool { return filepath.IsAbs(s.Host) }

func (s Settings) port() int {
	if s.Port == 0 {
		return defaultPort
	}
	return s.Port
}

// check finds what cannot work whatever the server says.
func (s Settings) check() error {
	var errs []error
	if s.Host == "" {
		errs = append(errs, errors.New("no host"))
	}
	if strings.Contains(s.Host, ",") {
		errs = append(errs, fmt.Errorf("host %q names several servers; name one", s.Host))
	}
	if s.Port < 0 || s.Port > 65535 {
		errs = append(errs, fmt.Errorf("port %d is not between 1 and 65535", s.Port))
	}
	if s.User == "" {
		errs = append(errs, errors.New("no user"))
	}
	if s.Database == "" {
		errs = append(errs, errors.New("no database"))
	}
	return errors.Join(append(errs, s.TLS.check())...)
}

// ParseURL reads postgres://user:password@host:port/database?name=value&…, as libpq writes it. Of the names it knows
// host (a socket directory), port, user, password, dbname, sslmode, sslrootcert, sslcert, sslkey, application_name and
// options of the form -c name=value; any other name is a run-time parameter of the session, too. Without sslmode it is prefer. What libpq reads from
// the environment or guesses is an error here when it is missing. No error quotes the password.
func ParseURL(text string) (Settings, error) {
	text, socket := cutSocket(text)
	u, err := url.Parse(text)
	if err != nil {
		// A *url.Error quotes its input, and what it wraps may quote a part of the password.
		return Settings{}, errors.New("parse database URL: not a URL; the form is postgres://user:password@host:5432/database, with special characters of the password percent-encoded")
	}
	if u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return Settings{}, errors.New("parse database URL: it does not begin with postgres:// or postgresql://")
	}
	s := Settings{Host: u.Hostname(), User: u.User.Username(), Database: strings.TrimPrefix(u.Path, "/")}
	if socket != "" {
		s.Host = socket
	} else if strings.Contains(s.Host, ":") && !strings.HasPrefix(u.Host, "[") {
		return Settings{}, errors.New("parse database URL: the host has a colon too many; an IPv6 address stands in brackets, [::1]")
	}
	if p, ok := u.User.Password(); ok {
		s.Password = Secret(p)
	}
	if err := setPort(&s, u.Port()); err != nil {
		return Settings{}, fmt.Errorf("parse database URL: %w", err)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Settings{}, errors.New("parse database URL: the part after the question mark is not well-formed")
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if err := set(&s, name, query.Get(name)); err != nil {
			return Settings{}, fmt.Errorf("parse database URL: %w", err)
		}
	}
	if err := s.check(); err != nil {
		return Settings{}, fmt.Errorf("parse database URL: %w", err)
	}
	return s, nil
}

// cutSocket takes a percent-encoded socket directory out of the host's place, where package url allows no slash.
func cutSocket(text string) (rest, socket string) {
	scheme, after, ok := strings.Cut(text, "://")
	if !ok {
		return text, ""
	}
	end := strings.IndexAny(after, "/?#")
	if end < 0 {
		end = len(after)
	}
	start := strings.LastIndexByte(after[:end], '@') + 1
	if len(after) < start+3 || !strings.EqualFold(after[start:start+3], "%2F") {
		return text, ""
	}
	host := after[start:end]
	port := ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host, port = host[:i], host[i:]
	}
	socket, err := url.PathUnescape(host)
	if err != nil {
		return text, ""
	}
	return scheme + "://" + after[:start] + port + after[end:], socket
}

func setPort(s *Settings, text string) error {
	if text == "" {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 65535 {
		return errors.New("the port is not a number between 1 and 65535")
	}
	s.Port = n
	return nil
}

// set takes one name and value of a URL's query.
func set(s *Settings, name, value string) error {
	switch name {
	case "host":
		s.Host = value
	case "port":
		return setPort(s, value)
	case "user":
		s.User = value
	case "password":
		s.Password = Secret(value)
	case "dbname":
		s.Database = value
	case "sslmode":
		s.TLS.Mode = TLSMode(value)
	case "sslrootcert":
		s.TLS.CAFile = value
	case "sslcert":
		s.TLS.CertFile = value
	case "sslkey":
		s.TLS.KeyFile = value
	case "application_name":
		s.ApplicationName = value
	case "options":
		params, err := readOptions(value)
		if err != nil {
			return err
		}
		setParams(s, params)
	case "hostaddr", "service", "passfile", "target_session_attrs", "sslpassword", "sslcrl", "requiressl", "replication":
		return fmt.Errorf("%s is not supported", name)
	case "connect_timeout":
		return nil // every caller sets its own deadline
	default:
		setParams(s, map[string]string{name: value})
	}
	return nil
}

func setParams(s *Settings, params map[string]string) {
	if s.Params == nil && len(params) > 0 {
		s.Params = map[string]string{}
	}
	maps.Copy(s.Params, params)
}

// URL returns the settings as an address that [ParseURL] and psql read. The password is in it: show it only to who asked.
func (s Settings) URL() string {
	u := url.URL{Scheme: "postgres", Path: "/" + s.Database}
	q := url.Values{}
	if s.onSocket() {
		q.Set("host", s.Host)
		q.Set("port", strconv.Itoa(s.port()))
	} else {
		u.Host = net.JoinHostPort(s.Host, strconv.Itoa(s.port()))
	}
	if s.Password != "" {
		u.User = url.UserPassword(s.User, s.Password.Reveal())
	} else {
		u.User = url.User(s.User)
	}
	for name, value := range map[string]string{
		"sslmode": string(s.TLS.Mode), "sslrootcert": s.TLS.CAFile, "sslcert": s.TLS.CertFile,
		"sslkey": s.TLS.KeyFile, "application_name": s.ApplicationName,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, value := range s.Params {
		if !settingName.MatchString(name) {
			q.Set(name, value)
		}
	}
	if o := optionsOf(s.Params); o != "" {
		q.Set("options", o)
	}
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20") // libpq does not read + as a space
	return u.String()
}

// base is a configuration that owes nothing to the environment: everything pgx would look up there is spelled out. (A
// PGSERVICE that names no service is the exception: pgx insists on reading it.)
const base = "host=127.0.0.1 port=5432 user=x password=x database=x passfile=/dev/null sslmode=disable sslcertmode=allow " +
	"sslrootcert='' sslcert='' sslkey='' sslnegotiation='' require_auth='' target_session_attrs=any min_protocol_version=3.0 max_protocol_version=3.0 channel_binding=prefer"

// Config returns the settings as pgx wants them; the caller may change what it gets. It reads the TLS files, if any.
func (s Settings) Config() (*pgx.ConnConfig, error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("read database settings: %w", err)
	}
	c, err := pgx.ParseConfig(base)
	if err != nil {
		return nil, fmt.Errorf("read database settings: %w", err)
	}
	c.Host, c.Port = s.Host, uint16(s.port())
	c.User, c.Password, c.Database = s.User, s.Password.Reveal(), s.Database
	c.ConnectTimeout = connectTimeout
	c.RuntimeParams = map[string]string{}
	maps.Copy(c.RuntimeParams, s.Params)
	if s.ApplicationName != "" {
		c.RuntimeParams["application_name"] = s.ApplicationName
	}
	c.Fallbacks, c.TLSConfig = nil, nil
	if s.IPVersion != "" && !s.onSocket() {
		c.LookupFunc = s.IPVersion.lookup
	}
	if s.onSocket() || s.TLS.Mode == TLSDisable {
		return c, nil
	}
	if c.TLSConfig, err = s.TLS.config(s.Host); err != nil {
		return nil, fmt.Errorf("read database settings: %w", err)
	}
	if s.TLS.prefers() {
		c.Fallbacks = []*pgconn.FallbackConfig{{Host: c.Host, Port: c.Port}}
	}
	return c, nil
}
