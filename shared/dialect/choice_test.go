package dialect_test

import (
	"flag"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/all"
	"github.com/secretgate/secretgate/shared/settings"
)

// choose parses flags beside environment variables.
func choose(t *testing.T, service dialect.Service, fallback string, env map[string]string, args ...string) (*dialect.Choice, error) {
	t.Helper()
	lookup := func(name string) (string, bool) { text, ok := env[name]; return text, ok }
	choice := &dialect.Choice{All: all.Dialects(), Service: service, Default: fallback}
	general := settings.NewSection("general", lookup)
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	for _, section := range append([]*settings.Section{general}, choice.Bind(general, lookup)...) {
		section.Flags.VisitAll(func(f *flag.Flag) { flags.Var(f.Value, f.Name, f.Usage) })
	}
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	err := choice.Finish(settings.Policy{})
	return choice, err
}

func TestDialectsAreChosenByNameOrSwitch(t *testing.T) {
	for name, test := range map[string]struct {
		fallback string
		env      map[string]string
		args     []string
		want     []string // kinds
		err      string
	}{
		"the default":                    {fallback: "kes", want: []string{"ExternalSecret"}},
		"all, where there is no default": {want: []string{"ExternalSecret", "SecretDefinition", "ExternalSecret", "VaultStaticSecret", "SealedSecret"}},
		"by name, in any order":          {"kes", nil, []string{"--dialects= tuenti , kes,"}, []string{"ExternalSecret", "SecretDefinition"}, ""},
		"one instead of the default":     {"kes", nil, []string{"--dialects=tuenti"}, []string{"SecretDefinition"}, ""},
		"a switch beside the default":    {"kes", nil, []string{"--secret-definitions"}, []string{"ExternalSecret", "SecretDefinition"}, ""},
		"variables":                      {"kes", map[string]string{"DIALECTS": "tuenti"}, nil, []string{"SecretDefinition"}, ""},
		"a switch's variable":            {"kes", map[string]string{"SECRET_DEFINITIONS": "true"}, nil, []string{"ExternalSecret", "SecretDefinition"}, ""},
		"a name that is none": {"kes", nil, []string{"--dialects=kes,tuent"}, []string{"ExternalSecret"},
			`--dialects names "tuent": must be of kes, tuenti, eso, vso, sealed; did you mean tuenti?`},
		"none": {"kes", nil, []string{"--dialects="}, nil, "--dialects names none: there would be nothing to do; must be of kes, tuenti, eso, vso, sealed"},
		"a mistake of one that is chosen": {"kes", nil, []string{"--secret-definitions", "--backend=aws"}, []string{"ExternalSecret", "SecretDefinition"},
			`--backend is "aws": must be vault or azure-kv`},
		"a mistake of one that is not": {"kes", nil, []string{"--backend=aws"}, []string{"ExternalSecret"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			choice, err := choose(t, dialect.Syncer, test.fallback, test.env, test.args...)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(test.err, got); diff != "" {
				t.Errorf("error: -want +got:\n%s", diff)
			}
			var kinds []string
			for _, kind := range choice.Kinds() {
				kinds = append(kinds, kind.Type().Kind)
			}
			if diff := cmp.Diff(test.want, kinds); diff != "" {
				t.Errorf("kinds: -want +got:\n%s", diff)
			}
		})
	}
}

// What a service is told differs: only the syncer knows which objects are its own.
func TestEachServiceIsToldWhatItNeeds(t *testing.T) {
	told := func(service dialect.Service) (names []string) {
		lookup := func(string) (string, bool) { return "", false }
		choice := &dialect.Choice{All: all.Dialects(), Service: service}
		for _, section := range choice.Bind(settings.NewSection("general", lookup), lookup) {
			section.Flags.VisitAll(func(f *flag.Flag) {
				if !strings.ContainsAny(f.Name, ".") {
					names = append(names, f.Name)
				}
			})
		}
		return names
	}
	both := []string{
		"backend", "eso-controller-class", "eso-serve-default", "sealed-accept-v1-data", "sealed-serve", "vso-exclude-raw",
		"vso-operator-namespace", "vso-restarts", "vso-serve",
	}
	for service, want := range map[dialect.Service][]string{
		dialect.Syncer:  append([]string{"instance-id"}, append(both, "exclude-namespaces", "watch-namespaces")...),
		dialect.Webhook: append([]string{"controller-ids", "sealed-verify-address"}, both...),
		dialect.Check:   append([]string{"controller-ids", "sealed-cert"}, both...),
	} {
		got := told(service)
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("service %d: -want +got:\n%s", service, diff)
		}
	}
}
