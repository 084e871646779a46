// Package settings reads the settings of both services from flags and environment. Each setting is a
// flag whose default is its environment variable, so that flags win; what is wrong is gathered and
// reported at once.
package settings

import (
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Section is a titled group of settings, as --help shows it.
type Section struct {
	Title string
	Flags *flag.FlagSet

	lookup func(string) (string, bool)
	errs   []error
}

// NewSection starts a group. lookup finds environment variables; os.LookupEnv is the usual one.
func NewSection(title string, lookup func(string) (string, bool)) *Section {
	return &Section{Title: title, Flags: flag.NewFlagSet(title, flag.ContinueOnError), lookup: lookup}
}

// String binds a text setting. Of several environment variables the first that is set and not
// empty counts.
func (s *Section) String(p *string, name, fallback, usage string, env ...string) {
	if _, text := s.find(env); text != "" {
		fallback = text
	}
	s.Flags.StringVar(p, name, fallback, describe(usage, env))
}

// Int binds a whole number.
func (s *Section) Int(p *int, name string, fallback int, usage string, env ...string) {
	if variable, text := s.find(env); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			s.fail(variable, text, "a whole number")
		}
		fallback = n
	}
	s.Flags.IntVar(p, name, fallback, describe(usage, env))
}

// Duration binds a duration such as 30s. An environment variable may also be a bare number, which
// counts in unit, as KES's variables do.
func (s *Section) Duration(p *time.Duration, name string, fallback, unit time.Duration, usage string, env ...string) {
	if variable, text := s.find(env); text != "" {
		d, err := time.ParseDuration(text)
		if n, notNumber := strconv.ParseInt(text, 10, 64); notNumber == nil {
			d, err = time.Duration(n)*unit, nil
			if d/unit != time.Duration(n) {
				err = strconv.ErrRange
			}
		}
		if err != nil || d < 0 {
			s.fail(variable, text, "a duration such as 30s, or a number of "+unitName(unit))
		}
		fallback = d
	}
	s.Flags.DurationVar(p, name, fallback, describe(usage, env))
}

// Switch binds a flag that an environment variable turns on by being set, whatever its value: so
// KES reads its switches, and "false" there has always meant on.
func (s *Section) Switch(p *bool, name, usage string, env ...string) {
	on := false
	for _, variable := range env {
		if _, set := s.lookup(variable); set {
			on = true
		}
	}
	s.Flags.BoolVar(p, name, on, describe(usage, env))
}

// Bool binds a flag with a default; an environment variable is true or false.
func (s *Section) Bool(p *bool, name string, fallback bool, usage string, env ...string) {
	if variable, text := s.find(env); text != "" {
		b, err := strconv.ParseBool(text)
		if err != nil {
			s.fail(variable, text, "true or false")
		}
		fallback = b
	}
	s.Flags.BoolVar(p, name, fallback, describe(usage, env))
}

// Err reports every environment variable of the group that could not be read.
func (s *Section) Err() error { return errors.Join(s.errs...) }

func (s *Section) find(env []string) (variable, text string) {
	for _, variable := range env {
		if text, set := s.lookup(variable); set && text != "" {
			return variable, text
		}
	}
	return "", ""
}

func (s *Section) fail(variable, text, want string) {
	s.errs = append(s.errs, fmt.Errorf("environment variable %s is %q: must be %s", variable, text, want))
}

func describe(usage string, env []string) string {
	for i, variable := range env {
		if i == 0 {
			usage += " (env " + variable
		} else {
			usage += ", " + variable
		}
	}
	if len(env) > 0 {
		usage += ")"
	}
	return usage
}

func unitName(unit time.Duration) string {
	if unit == time.Millisecond {
		return "milliseconds"
	}
	return "seconds"
}

// Overrule replaces a setting by that of an environment variable, where it is set and not empty.
func (s *Section) Overrule(p *string, variable string) {
	if text, _ := s.lookup(variable); text != "" {
		*p = text
	}
}

// List takes a comma-separated list apart, in quotes or not. What is empty between commas counts for nothing.
func List(text string) []string {
	var all []string
	for one := range strings.SplitSeq(strings.Trim(strings.TrimSpace(text), `"`), ",") {
		if one = strings.TrimSpace(one); one != "" {
			all = append(all, one)
		}
	}
	return all
}
