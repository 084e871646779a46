package backend

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

func TestErrorText(t *testing.T) {
	const check = ": not found; check the key and its version"
	aws := plan.Store{Backend: backends.AWSSecretsManager, Location: "eu-west-1", Role: "arn:aws:iam::123456789012:role/a"}
	const as = " from secretsManager in region eu-west-1 as arn:aws:iam::123456789012:role/a"
	for name, test := range map[string]struct {
		source plan.Source
		want   string
	}{
		"a version id is named, the usual label is not": {
			plan.Source{Store: aws, Read: plan.Read{Key: "db", VersionID: "v1", VersionStage: "AWSCURRENT"}}, `key "db" (version v1)` + as,
		},
		"the usual label is not":   {plan.Source{Store: aws, Read: plan.Read{Key: "db", VersionStage: "AWSCURRENT"}}, `key "db"` + as},
		"another label is":         {plan.Source{Store: aws, Read: plan.Read{Key: "db", VersionStage: "AWSPREVIOUS"}}, `key "db" (stage AWSPREVIOUS)` + as},
		"a batch has no keys":      {plan.Source{Store: aws}, `a batch of keys` + as},
		"a path is none":           {plan.Source{Store: ssm, Read: plan.Read{Key: "/a", Path: true}}, `path "/a" from systemManager in region eu-west-1`},
		"the usual version is not": {of(plan.Store{Backend: backends.GCPSecretManager}, plan.Read{Version: "latest"}), `key "db" from gcpSecretsManager`},
		"another version, and a project": {
			of(plan.Store{Backend: backends.GCPSecretManager, Container: "p"}, plan.Read{Version: "7"}), `key "db" (version 7) from gcpSecretsManager in project p`,
		},
		"a vault of Azure's": {of(plan.Store{Backend: backends.AzureKeyVault, Container: "kv"}, plan.Read{}), `key "db" from azureKeyVault in vault kv`},
		"Alibaba's label and role": {
			of(plan.Store{Backend: backends.AlicloudKMS, Role: "acs:ram::1:role/r"}, plan.Read{VersionStage: "ACSCurrent"}),
			`key "db" from alicloudSecretsManager as acs:ram::1:role/r`,
		},
		"a role at a mount": {
			of(plan.Store{Backend: backends.Vault, Role: "app", Mount: "kubernetes"}, plan.Read{}), `key "db" from vault as role "app" at mount "kubernetes"`,
		},
		"a server and a namespace, and a ServiceAccount without a role": {
			of(plan.Store{
				Backend: backends.Vault, Address: "https://vault.example:8200", Namespace: "team/a",
				Credential: plan.Credential{Kind: plan.AccountCredential, Namespace: "shop", Name: "reader"},
			}, plan.Read{}),
			`key "db" from vault at https://vault.example:8200 in namespace team/a as ServiceAccount shop/reader`,
		},
		"a credential of a Secret": {
			of(plan.Store{Backend: backends.Vault, Credential: plan.Credential{Kind: plan.SecretCredential, Namespace: "shop", Name: "token"}}, plan.Read{}),
			`key "db" from vault as the credential in Secret shop/token`,
		},
		"a credential that the syncer was given": {
			of(plan.Store{Backend: backends.Vault, Credential: plan.Credential{Kind: plan.InstalledCredential, Name: "other"}}, plan.Read{}),
			`key "db" from vault as the syncer's credential other`,
		},
		"a backend that is none": {of(plan.Store{Backend: "none", Location: "here"}, plan.Read{}), `key "db" from none in here`},
	} {
		t.Run(name, func(t *testing.T) {
			got := (&Error{Kind: driver.NotFound, Source: test.source}).Error()
			if diff := cmp.Diff("cannot read "+test.want+check, got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func of(store plan.Store, read plan.Read) plan.Source {
	read.Key = "db"
	return plan.Source{Store: store, Read: read}
}

func TestWhatOneDoesAboutAKind(t *testing.T) {
	stored := plan.Store{Credential: plan.Credential{Kind: plan.SecretCredential, Namespace: "shop", Name: "token"}}
	for name, test := range map[string]struct {
		kind  driver.Kind
		store plan.Store
		want  string
	}{
		"not found":         {driver.NotFound, plan.Store{}, "check the key and its version"},
		"denied":            {driver.Denied, plan.Store{}, "allow the syncer's own identity to read it"},
		"denied to a role":  {driver.Denied, plan.Store{Role: "r"}, "allow r to read it"},
		"denied to others":  {driver.Denied, stored, "allow the credential in Secret shop/token to read it"},
		"invalid":           {driver.Invalid, plan.Store{}, "correct the key and its options in the object"},
		"no credentials":    {driver.Unauthenticated, plan.Store{}, "check the credentials that the syncer is given for this backend"},
		"those of a Secret": {driver.Unauthenticated, stored, "check the credential in Secret shop/token, and that the backend accepts it"},
		"throttled":         {driver.Throttled, plan.Store{}, "it is tried again later: raise {interval}, or the backend's quota, if this goes on"},
		"unavailable": {
			driver.Unavailable, plan.Store{}, "it is tried again: check the backend's health, and the network and proxy on the way, if this goes on",
		},
		"unknown": {driver.Unknown, plan.Store{}, "it is tried again: look into the backend's own logs if this goes on"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (&Error{Kind: test.kind, Source: plan.Source{Store: test.store}}).Remedy(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// Two objects of different kinds share a source, and each is told in its own words what to do. Nothing else is taken for a term: neither
// what the backend said, nor what the object has put into its key or role.
func TestTheWordsOfAnObject(t *testing.T) {
	source := plan.Source{
		Store: plan.Store{Backend: backends.Vault, Role: "{mount}", Mount: "{role}"}, Read: plan.Read{Key: "{container}"},
	}
	e := newError(source, driver.Denied, "denied in {location}", nil)
	e.hint = "set {location}, or let " + driver.TermIdentity + " read it"
	const key, denied = `cannot read key "{container}" from vault as role "{mount}" at mount "{role}": `, "access denied: denied in {location}; "
	const who = `role "{mount}" at mount "{role}"`
	object := plan.Plan{
		Places: map[plan.Store]plan.Places{source.Store: {
			plan.Location: {Field: "spec.region"}, plan.Role: {Field: "spec.vaultRole"}, plan.Mount: {Field: "spec.vaultMountPoint"},
			plan.Container: {Field: "spec.projectId"},
		}},
		Words: &plan.Words{},
	}
	say := func(text string) string { return object.Say(source.Store, text) }
	if diff := cmp.Diff(key+denied+"set spec.region, or let "+who+" read it", e.Text(say)); diff != "" {
		t.Errorf("in its words (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(key+denied+"set {location}, or let "+who+" read it", e.Error()); diff != "" {
		t.Errorf("without an object's words (-want +got):\n%s", diff)
	}
}

// A batch as a whole fails for each of its reads with the same remedy, and names the read.
func TestTheErrorOfABatchAsThatOfARead(t *testing.T) {
	e := newError(plan.Source{Store: ssm}, driver.Unauthenticated, "no session", nil)
	e.hint = "do this"
	got := e.For(plan.Read{Key: "/a"}).Error()
	if want := `cannot read key "/a" from systemManager in region eu-west-1: not authenticated: no session; do this`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !strings.Contains(e.Error(), "a batch of keys") {
		t.Errorf("the batch's own error has become that of a read: %v", e)
	}
}
