package awssession

import (
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

func TestWhoAssumesARole(t *testing.T) {
	const ours, theirs = "eu-west-1", "us-east-2"
	none, core := plan.Tenant{}, plan.Tenant{Namespace: "core"}
	role := func(arn, region string, of plan.Tenant) identity {
		return identity{region: region, role: arn, options: options{tenant: of}}
	}
	after := func(hop string, id identity) identity {
		id.chain = plan.ListOf(hop)
		return id
	}
	for name, test := range map[string]struct {
		config   Config
		role     string
		tenant   plan.Tenant
		want, by identity
	}{
		"no role is the chain's identity":                 {Config{}, "", none, identity{}, identity{}},
		"a role is assumed by it, at the region's STS":    {Config{}, "r", none, role("r", theirs, none), identity{}},
		"at that of the syncer's region, if it has one":   {Config{Region: ours}, "r", none, role("r", ours, none), identity{}},
		"no role is the intermediate one":                 {Config{IntermediateRoleARN: "hop"}, "", none, role("hop", theirs, none), identity{}},
		"the intermediate role is assumed by the chain's": {Config{IntermediateRoleARN: "hop"}, "hop", none, role("hop", theirs, none), identity{}},
		"others are assumed by it":                        {Config{IntermediateRoleARN: "hop", Region: ours}, "r", none, after("hop", role("r", ours, none)), role("hop", ours, none)},
		"a tenant has a session of its own":               {Config{}, "r", core, role("r", theirs, core), identity{}},
		"of the intermediate role, too, where it reads":   {Config{IntermediateRoleARN: "hop"}, "", core, role("hop", theirs, core), identity{}},
		"but all tenants share the hop to another role":   {Config{IntermediateRoleARN: "hop"}, "r", core, after("hop", role("r", theirs, core)), role("hop", theirs, none)},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Sessions{config: test.config}
			id, err := s.identity(plan.Store{Role: test.role, Location: theirs, Tenant: test.tenant})
			if err != nil {
				t.Fatal(err)
			}
			got := []identity{id, id.by()}
			if diff := cmp.Diff([]identity{test.want, test.by}, got, cmp.AllowUnexported(identity{}, proof{}, options{})); diff != "" {
				t.Errorf("the identity, and who assumes it (-want +got):\n%s", diff)
			}
		})
	}
}

func TestATenantIsNotReadForWithoutATag(t *testing.T) {
	s := &Sessions{}
	err := s.Do(t.Context(), plan.Store{Location: "eu-west-1", Tenant: plan.Tenant{Namespace: "core"}}, func(aws.CredentialsProvider) error {
		t.Error("a call is made")
		return nil
	})
	if !errors.Is(err, awserror.ErrNoRole) || awserror.Classify(err) != driver.Invalid {
		t.Errorf("got %v, want %v", err, awserror.ErrNoRole)
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
