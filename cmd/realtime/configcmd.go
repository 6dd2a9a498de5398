package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
)

type configCommands struct {
	Check configCheckCommand `cmd:"" help:"Check the settings of flags, environment and file, all at once."`
	Show  configShowCommand  `cmd:"" help:"Print the settings in force; secrets are masked."`
}

// configCheckCommand loads the configuration as serve would and says what is
// wrong with it, without starting anything.
type configCheckCommand struct {
	Settings settingFlags `embed:""`
}

func (k *configCheckCommand) Run(p *process) error {
	p.flags = k.Settings.given()
	c, err := p.config()
	if err != nil {
		return err
	}
	for _, w := range c.Warnings() {
		fmt.Fprintf(p.stdout, "warning: %s\n", w)
	}
	fmt.Fprintf(p.stdout, "the configuration can be used, %d warnings\n", len(c.Warnings()))
	return nil
}

type configShowCommand struct {
	Origin   bool         `help:"Say where each value comes from: flag, environment, file or default."`
	All      bool         `help:"Also what is unset."`
	JSON     bool         `name:"json" help:"As JSON."`
	Settings settingFlags `embed:""`
}

// shown is one setting as it is in force.
type shown struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
}

func (k *configShowCommand) Run(p *process) error {
	p.flags = k.Settings.given()
	l, err := p.layers()
	if err != nil {
		return err
	}
	list := k.list(l)
	if k.JSON {
		e := json.NewEncoder(p.stdout)
		e.SetIndent("", "  ")
		err = e.Encode(list)
	} else {
		w := tabwriter.NewWriter(p.stdout, 0, 0, 3, ' ', 0)
		for _, s := range list {
			line := s.Name + "=" + s.Value
			if k.Origin {
				line += "\t" + s.Origin
			}
			fmt.Fprintln(w, line)
		}
		err = w.Flush()
	}
	_, wrong := p.config() // what is shown may not be usable: say so as well
	return errors.Join(err, wrong)
}

func (k *configShowCommand) list(l layers) []shown {
	var list []shown
	for _, sec := range sections {
		for _, s := range sec.settings {
			value, origin := l.find(s.name)
			switch {
			case value == "" && s.def != "":
				value, origin = s.def, fromDefault
			case value == "":
				origin = fromNowhere
			}
			if value != "" && s.secret {
				value = "[secret]"
			}
			if value != "" || k.All {
				list = append(list, shown{s.name, value, origin})
			}
		}
	}
	return list
}
