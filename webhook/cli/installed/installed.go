// Package installed is how an installation has the services, as far as its Deployments and ConfigMaps say so. What a Secret holds is
// never read.
package installed

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/settings"
	"github.com/secretgate/secretgate/webhook/cli/explain"
)

// Service is what a service is told.
type Service struct {
	Service dialect.Service
	Args    []string
	Lookup  func(variable string) (string, bool) // nil: it has no environment
}

// Settings are those of a service, understood.
type Settings struct {
	Policy settings.Policy
	Kinds  []dialect.Kind
	Stores []dialect.StoreKind

	served  map[string]bool // by dialect
	refresh explain.Refresh
	paces   map[string]time.Duration // by dialect
	values  map[string]string        // of all settings, by flag
}

// Serves reports whether the service handles an object.
func (s Settings) Serves(k dialect.Kind, object dialect.Object, resolved dialect.Resolved) bool {
	return s.served[k.Type().Dialect] && k.Serves(object, resolved)
}

// Refresh is how often objects of a kind are read that do not say.
func (s Settings) Refresh(k dialect.Kind) explain.Refresh {
	r := s.refresh
	if pace, paced := s.paces[k.Type().Dialect]; paced {
		r.Interval = pace
	}
	return r
}

// Differences lists the settings by which two services would judge otherwise, each as --flag.
func (s Settings) Differences(other Settings) []string {
	var names []string
	for name, value := range s.values {
		if theirs, known := other.values[name]; known && theirs != value && name != "dialects" && !slices.Contains(refreshFlags, name) {
			names = append(names, "--"+name)
		}
	}
	slices.Sort(names)
	return names
}

var refreshFlags = []string{"refresh-interval", "disable-polling"}

// Read understands what a service is told. What the flags of a user say, by name, wins. The error lists all that is wrong.
func Read(dialects []dialect.Dialect, told Service, given map[string]string) (Settings, error) {
	lookup := told.Lookup
	if lookup == nil {
		lookup = func(string) (string, bool) { return "", false }
	}
	s := Settings{served: map[string]bool{}, paces: map[string]time.Duration{}, values: map[string]string{}}
	choice := dialect.Choice{All: dialects, Service: told.Service}
	common := settings.NewSection("", lookup)
	sections := append([]*settings.Section{common}, choice.Bind(common, lookup)...)
	s.Policy.Bind(common)
	settings.BindRefresh(common, &s.refresh.Interval, &s.refresh.Disabled)
	paces := bindPaces(common, dialects)

	problems := apply(sections, told.Args)
	for name, value := range given {
		if f := find(sections, name); f != nil {
			problems = append(problems, set(f, value))
		}
	}
	policy := s.Policy.Finish() // before the dialects, which take it
	chosen := choice.Finish(s.Policy)
	problems = append(problems, policy, chosen)
	for name := range choice.Chosen() {
		s.served[name] = true
	}
	// The objects of all dialects are understood, be they served or not.
	if chosen == nil {
		problems = append(problems, set(find(sections, "dialects"), strings.Join(choice.Names(), ",")), choice.Finish(s.Policy))
	}
	for _, section := range sections {
		problems = append(problems, section.Err())
		section.Flags.VisitAll(func(f *flag.Flag) { s.values[f.Name] = f.Value.String() })
	}
	for name, pace := range paces {
		s.paces[name] = *pace
	}
	s.Kinds, s.Stores = choice.Kinds(), choice.Stores()
	return s, errors.Join(problems...)
}

// bindPaces adds the flags of dialects whose objects are refreshed at an interval of their own.
func bindPaces(s *settings.Section, dialects []dialect.Dialect) map[string]*time.Duration {
	paces := map[string]*time.Duration{}
	for _, d := range dialects {
		if paced, ok := d.New().(dialect.Paced); ok {
			name, fallback := paced.Pace()
			paces[d.Name] = new(time.Duration)
			s.Duration(paces[d.Name], name, fallback, time.Second, "")
		}
	}
	return paces
}

// apply sets the flags among a service's arguments that are known here. It has many more.
func apply(sections []*settings.Section, args []string) []error {
	var problems []error
	for i := 0; i < len(args); i++ {
		name, found := strings.CutPrefix(args[i], "-")
		if !found {
			continue
		}
		name, value, given := strings.Cut(strings.TrimPrefix(name, "-"), "=")
		f := find(sections, name)
		if f == nil {
			continue
		}
		switch isSwitch := isBool(f); {
		case given:
		case isSwitch:
			value = "true"
		case i+1 < len(args):
			i++
			value = args[i]
		}
		problems = append(problems, set(f, value))
	}
	return problems
}

func find(sections []*settings.Section, name string) *flag.Flag {
	for _, section := range sections {
		if f := section.Flags.Lookup(name); f != nil {
			return f
		}
	}
	return nil
}

func isBool(f *flag.Flag) bool {
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

func set(f *flag.Flag, value string) error {
	if err := f.Value.Set(value); err != nil {
		return fmt.Errorf("--%s is %q: %w", f.Name, value, err)
	}
	return nil
}
