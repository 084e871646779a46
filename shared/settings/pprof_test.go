package settings_test

import (
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/settings"
)

func TestWhereProfilesAreServed(t *testing.T) {
	others := map[string]string{"metrics-bind-address": ":3001", "health-probe-bind-address": "0"}
	for name, tc := range map[string]struct {
		address string
		says    string // the error; empty: none
		exposed bool
	}{
		"nowhere":                           {"", "", false},
		"nowhere, in controller-runtime's":  {"0", "", false},
		"on loopback":                       {"127.0.0.1:6060", "", false},
		"on loopback of IPv6":               {"[::1]:6060", "", false},
		"on loopback by its name":           {"localhost:6060", "", false},
		"on all addresses":                  {":6060", "", true},
		"on one that other pods reach":      {"10.0.0.1:6060", "", true},
		"on a port that the system chooses": {"127.0.0.1:0", "", false},
		"an address without a port": {
			"127.0.0.1", `--pprof-bind-address is "127.0.0.1": must be host:port, :port, or 0 for none`, false,
		},
		"the port of metrics, though on another address": {
			"127.0.0.1:3001", `--pprof-bind-address is "127.0.0.1:3001": that is the port of --metrics-bind-address`, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := settings.Pprof{Address: tc.address}
			err := p.Check(others)
			if (err != nil) != (tc.says != "") || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want an error that says %q", err, tc.says)
			}
			if got := p.Exposed(); err == nil && got != tc.exposed {
				t.Errorf("got exposed %t, want %t", got, tc.exposed)
			}
		})
	}
}
