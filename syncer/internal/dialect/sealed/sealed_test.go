package sealed

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	shared "github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/sealed"
	"github.com/secretgate/secretgate/shared/settings"
	"github.com/secretgate/secretgate/syncer/internal/dialect"
	"github.com/secretgate/secretgate/syncer/internal/dialect/sealed/keys"
)

// configured is an Extension with flags and variables, and what is wrong with them.
func configured(t *testing.T, variables map[string]string, flags ...string) (*Extension, error) {
	t.Helper()
	section := settings.NewSection("", func(name string) (string, bool) { value, set := variables[name]; return value, set })
	e, installation := &Extension{}, &sealed.Installation{}
	installation.Bind(section, shared.Syncer)
	e.Bind(section)
	if err := section.Flags.Parse(flags); err != nil {
		t.Fatal(err)
	}
	err := e.Finish(installation, dialect.Common{})
	return e, err
}

func TestSettings(t *testing.T) {
	cutoff := time.Date(2026, 11, 30, 19, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		variables map[string]string
		flags     []string
		want      keys.Schedule
		off       bool
	}{
		"the defaults are those of Sealed Secrets": {want: keys.Schedule{Period: 720 * time.Hour}},
		"a period by a variable":                   {variables: map[string]string{"SEALED_KEY_RENEW_PERIOD": "24h"}, want: keys.Schedule{Period: 24 * time.Hour}},
		"no renewal":                               {flags: []string{"--sealed-key-renew-period=0"}, off: true},
		"a cutoff as Sealed Secrets has it": {
			flags: []string{"--sealed-key-renew-period=0", "--sealed-key-cutoff-time=Mon, 30 Nov 2026 20:00:00 +0100"}, want: keys.Schedule{Cutoff: cutoff},
		},
		"a cutoff as Kubernetes has times": {
			flags: []string{"--sealed-key-renew-period=0", "--sealed-key-cutoff-time=2026-11-30T19:00:00Z"}, want: keys.Schedule{Cutoff: cutoff},
		},
	} {
		e, err := configured(t, test.variables, test.flags...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(test.want, e.schedule); diff != "" || e.schedule.Off() != test.off {
			t.Errorf("%s: off: %t (-want +got):\n%s", name, e.schedule.Off(), diff)
		}
	}
}

func TestSettingsThatAreWrongAreListedAtOnce(t *testing.T) {
	_, err := configured(t, nil, "--sealed-key-size=1024", "--sealed-key-order-priority=Newest", "--sealed-key-renew-period=1m", "--sealed-key-ttl=1s",
		"--sealed-key-namespace=kube system", "--sealed-key-prefix=", "--sealed-key-cutoff-time=tomorrow", "--sealed-bind-address=8080")
	for _, want := range []string{
		"--sealed-key-size is 1024", "--sealed-key-order-priority is \"Newest\"", "--sealed-key-renew-period is 1m0s", "--sealed-key-ttl is 1s",
		"--sealed-key-namespace is \"kube system\"", "--sealed-key-prefix is \"\"", "--sealed-key-cutoff-time is \"tomorrow\"", "--sealed-bind-address is \"8080\"",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one that says %s", err, want)
		}
	}
}
