package main

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
)

// settingFlags gives a command one flag for every setting: DB_HOST is --db-host.
type settingFlags struct {
	kong.Plugins
}

// newSettingFlags builds the flags from the table of settings, so that neither
// can have what the other lacks.
func newSettingFlags() settingFlags {
	var fields []reflect.StructField
	for _, sec := range sections {
		for _, s := range sec.settings {
			fields = append(fields, reflect.StructField{
				Name: s.name, // upper case is exported
				Type: reflect.TypeFor[*string](),
				Tag: reflect.StructTag(fmt.Sprintf(`name:"%s" help:%s placeholder:%s group:%s`,
					flagName(s.name), strconv.Quote(s.help()), strconv.Quote(strings.ToUpper(s.value.kind)), strconv.Quote(sec.title))),
			})
		}
	}
	return settingFlags{kong.Plugins{reflect.New(reflect.StructOf(fields)).Interface()}}
}

func flagName(setting string) string { return strings.ReplaceAll(strings.ToLower(setting), "_", "-") }

// help is what --help says of a setting's flag.
func (s *setting) help() string {
	h := strings.ToUpper(s.meaning[:1]) + s.meaning[1:] + "."
	switch {
	case s.secret:
		h += " Everybody on this machine can read flags: use the environment or the file."
	case s.def != "":
		h += " Default: " + s.def + "."
	}
	return h
}

// given are the flags that were used, by setting.
func (f settingFlags) given() map[string]string {
	m := map[string]string{}
	v := reflect.ValueOf(f.Plugins[0]).Elem()
	for i := range v.NumField() {
		if p, ok := reflect.TypeAssert[*string](v.Field(i)); ok && p != nil {
			m[v.Type().Field(i).Name] = *p
		}
	}
	return m
}
