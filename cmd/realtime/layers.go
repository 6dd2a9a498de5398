package main

import (
	"fmt"
	"strings"

	"github.com/joho/godotenv"
)

// layer is one place that settings come from.
type layer struct {
	origin string
	values map[string]string
}

// layers are where settings come from, the strongest first: flags, the
// environment, a file. What none of them has takes its default.
type layers []layer

// lookup finds the strongest value. An empty one counts as unset, so that a
// weaker layer shows through.
func (l layers) lookup(name string) (string, bool) {
	v, _ := l.find(name)
	return v, v != ""
}

func (l layers) find(name string) (value, origin string) {
	for _, one := range l {
		if v := one.values[name]; strings.TrimSpace(v) != "" {
			return v, one.origin
		}
	}
	return "", ""
}

// Origins, as `config show` names them.
const (
	fromFlag        = "flag"
	fromEnvironment = "environment"
	fromDefault     = "default"
	fromNowhere     = "unset"
)

// configFile names the setting that names the file.
const configFile = "REALTIME_CONFIG_FILE"

// layers gathers the process's settings. flags may be nil.
func (p *process) layers() (layers, error) {
	l := layers{{origin: fromFlag, values: p.flags}, {origin: fromEnvironment, values: p.environment()}}
	path, origin := l.find(configFile)
	if path == "" {
		return l, nil
	}
	values, err := godotenv.Read(path)
	if err != nil {
		return nil, &failure{
			step: fmt.Sprintf("read the settings in %s, which the %s names in %s", path, origin, configFile), err: err, code: exitUsage,
			mend: "the file has lines of NAME=value, as the env_file of a compose file; correct it or unset " + configFile,
		}
	}
	return append(l, layer{origin: "file " + path, values: values}), nil
}

// environment is the process's environment, as tests or the system have it.
func (p *process) environment() map[string]string {
	m := map[string]string{}
	for _, pair := range p.environ() {
		if name, value, ok := strings.Cut(pair, "="); ok {
			m[name] = value
		}
	}
	return m
}

// config loads the configuration from all layers.
func (p *process) config() (*Config, error) {
	l, err := p.layers()
	if err != nil {
		return nil, err
	}
	c, err := Load(l.lookup)
	if err != nil {
		return nil, err
	}
	c.notices = strangers(l)
	return c, nil
}
