package dialect

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/secretgate/secretgate/shared/near"
	"github.com/secretgate/secretgate/shared/settings"
)

// Choice is which dialects a service handles, as --dialects says, and how the installation has them.
type Choice struct {
	All     []Dialect
	Service Service
	Default string // of --dialects; empty: all of them

	named         string
	switched      []bool
	installations []Installation
	chosen        []int
}

// Bind names the settings: the choice in one section, and those of each dialect in a section of its own.
func (c *Choice) Bind(s *settings.Section, lookup func(string) (string, bool)) []*settings.Section {
	fallback := c.Default
	if fallback == "" {
		fallback = strings.Join(c.Names(), ",")
	}
	s.String(&c.named, "dialects", fallback,
		"APIs to handle, comma-separated, of "+strings.Join(c.Names(), ", "), "DIALECTS")
	c.switched = make([]bool, len(c.All))
	sections := make([]*settings.Section, 0, len(c.All))
	for i, d := range c.All {
		if d.Switch != "" {
			s.Bool(&c.switched[i], d.Switch, false, "the same as "+d.Name+" among --dialects", d.SwitchEnv)
		}
		installation := d.New()
		c.installations = append(c.installations, installation)
		section := settings.NewSection(d.Title, lookup)
		installation.Bind(section, c.Service)
		sections = append(sections, section)
	}
	return sections
}

// Names lists all dialects.
func (c *Choice) Names() []string {
	var all []string
	for _, d := range c.All {
		all = append(all, d.Name)
	}
	return all
}

// Finish checks the settings once flags are parsed. The error lists all that is wrong with the dialects that are chosen.
func (c *Choice) Finish(policy settings.Policy) error {
	c.chosen = nil
	var problems []error
	names := c.Names()
	for name := range strings.SplitSeq(c.named, ",") {
		name = strings.TrimSpace(name)
		if name != "" && !slices.Contains(names, name) {
			problem := fmt.Sprintf("--dialects names %q: must be of %s", name, strings.Join(names, ", "))
			if meant := near.Name(name, names); meant != "" {
				problem += "; did you mean " + meant + "?"
			}
			problems = append(problems, errors.New(problem))
			continue
		}
		if i := slices.Index(names, name); i >= 0 {
			c.switched[i] = true
		}
	}
	for i, on := range c.switched {
		if on {
			c.chosen = append(c.chosen, i)
			problems = append(problems, c.installations[i].Finish(policy))
		}
	}
	if len(c.chosen) == 0 && len(problems) == 0 {
		problems = append(problems, errors.New("--dialects names none: there would be nothing to do; must be of "+strings.Join(names, ", ")))
	}
	return errors.Join(problems...)
}

// Chosen are the dialects that are handled, by name.
func (c *Choice) Chosen() map[string]Installation {
	chosen := map[string]Installation{}
	for _, i := range c.chosen {
		chosen[c.All[i].Name] = c.installations[i]
	}
	return chosen
}

// Kinds lists the kinds of the dialects that are handled, in the order of All.
func (c *Choice) Kinds() []Kind {
	var kinds []Kind
	for _, i := range c.chosen {
		kinds = append(kinds, c.installations[i].Kinds()...)
	}
	return kinds
}

// Stores lists the kinds of objects that those refer to.
func (c *Choice) Stores() []StoreKind {
	var kinds []StoreKind
	for _, i := range c.chosen {
		kinds = append(kinds, c.installations[i].Stores()...)
	}
	return kinds
}

// Ring identifies the set of objects that a syncer serves: syncers with equal rings share the work.
func (c *Choice) Ring() []string {
	var parts []string
	for _, i := range c.chosen {
		parts = append(parts, "/"+c.All[i].Name) // no namespace's name
		for _, part := range c.installations[i].Ring() {
			parts = append(parts, "/"+c.All[i].Name+"/"+part)
		}
	}
	return parts
}

// AddToScheme registers the types of all dialects, whether or not they are handled.
func (c *Choice) AddToScheme(scheme *runtime.Scheme) error {
	var problems []error
	for _, d := range c.All {
		problems = append(problems, d.AddToScheme(scheme))
	}
	return errors.Join(problems...)
}
