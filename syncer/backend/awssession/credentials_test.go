package awssession

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhoAssumesARole(t *testing.T) {
	const ours, theirs = "eu-west-1", "us-east-2"
	for name, test := range map[string]struct {
		config   Config
		role     string
		want, by identity
	}{
		"no role is the chain's identity":                 {Config{}, "", identity{}, identity{}},
		"a role is assumed by it, at the region's STS":    {Config{}, "r", identity{"r", theirs}, identity{}},
		"at that of the syncer's region, if it has one":   {Config{Region: ours}, "r", identity{"r", ours}, identity{}},
		"no role is the intermediate one":                 {Config{IntermediateRoleARN: "hop"}, "", identity{"hop", theirs}, identity{}},
		"the intermediate role is assumed by the chain's": {Config{IntermediateRoleARN: "hop"}, "hop", identity{"hop", theirs}, identity{}},
		"others are assumed by it":                        {Config{IntermediateRoleARN: "hop", Region: ours}, "r", identity{"r", ours}, identity{"hop", ours}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Sessions{config: test.config}
			got := []identity{s.identity(test.role, theirs), s.by(s.identity(test.role, theirs))}
			if diff := cmp.Diff([]identity{test.want, test.by}, got, cmp.AllowUnexported(identity{})); diff != "" {
				t.Errorf("the identity, and who assumes it (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOneClientPerRegion(t *testing.T) {
	made := 0
	clients := Clients[int]{Make: func(string) *int { made++; return &made }}
	for _, region := range []string{"a", "b", "a", "b"} {
		clients.For(region)
	}
	if made != 2 {
		t.Errorf("%d clients were made for two regions", made)
	}
}

func TestClientsAreBounded(t *testing.T) { // an object's author may name regions
	clients := Clients[int]{Make: func(string) *int { return new(int) }}
	for n := range 10 * maxClients {
		clients.For(fmt.Sprint("region-", n))
	}
	last := clients.For("region-0")
	if n := len(clients.byRegion); n > maxClients || clients.For("region-0") != last {
		t.Errorf("%d clients are kept, want %d at most, the last one among them", n, maxClients)
	}
}
