package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strconv"

	"realtime/postgres"
)

type dbCommands struct {
	URL dbURLCommand `cmd:"" name:"url" help:"Print the connection string of the database in use, password included."`
}

// dbURLCommand starts nothing: it says where a running server's database is.
type dbURLCommand struct{}

func (dbURLCommand) Run(ctx context.Context, p *process) error {
	c, err := p.config()
	if err != nil {
		return err
	}
	s, err := databaseInUse(ctx, c)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, s.URL())
	return err
}

// databaseInUse is the database that DB_HOST names, else the embedded one of
// the server that runs in the data directory.
func databaseInUse(ctx context.Context, c *Config) (postgres.Settings, error) {
	if !c.Embedded() {
		return c.DB.settings(c), nil
	}
	d, err := dataDirOf(c)
	if err != nil {
		return postgres.Settings{}, err
	}
	const step, mend = "find the database", "start the server (realtime serve), or set REALTIME_DATA_DIR to the data directory of the one that runs"
	st, err := readState(d)
	if err != nil {
		f := &failure{step: step, err: err, mend: mend}
		switch {
		case errors.Is(err, errNotRunning):
			f.err = fmt.Errorf("%w: %s", err, d)
		case errors.Is(err, fs.ErrPermission):
			f.mend = "run this as the account that runs the server"
		}
		return postgres.Settings{}, f
	}
	s, err := postgres.ParseURL(st.Database)
	if err != nil {
		return postgres.Settings{}, &failure{step: step, err: err, mend: mend}
	}
	if !answers(ctx, net.JoinHostPort(s.Host, strconv.Itoa(s.Port))) {
		return postgres.Settings{}, &failure{
			step: step, mend: mend,
			err: fmt.Errorf("the server that ran in %s is gone, and its database with it", d),
		}
	}
	return s, nil
}

// databaseAndSecrets is databaseInUse for those who read or write rows of tenants: what the data directory keeps is filled into c.
func databaseAndSecrets(ctx context.Context, c *Config) (postgres.Settings, error) {
	db, err := databaseInUse(ctx, c)
	if err != nil {
		return db, err
	}
	return db, fillStored(c)
}

// settings is the database that the DB_ variables name.
func (b *DBConfig) settings(c *Config) postgres.Settings {
	s := postgres.Settings{
		Host: b.Host, Port: b.Port, User: b.User, Password: postgres.Secret(b.Password), Database: b.Name,
		ApplicationName: "realtime_" + c.AppName, IPVersion: postgres.IPVersion(b.IPVersion), TLS: postgres.TLS{Mode: postgres.TLSDisable},
	}
	switch {
	case b.SSL && b.CACert != "":
		s.TLS = postgres.TLS{Mode: postgres.TLSVerifyFull, CAFile: b.CACert}
	case b.SSL:
		s.TLS.Mode = postgres.TLSRequire
	}
	return s
}
