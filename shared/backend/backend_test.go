package backend_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// What has a rule may be chosen by an object, so that a namespace must be able to restrict it; what has none cannot be.
func TestEveryAspectThatMeansSomethingCanBeRestricted(t *testing.T) {
	for _, b := range backend.All() {
		limits := map[plan.Aspect]bool{}
		for _, limit := range b.Limits {
			if limits[limit.Aspect] {
				t.Errorf("%s: aspect %d is limited twice", b.Name, limit.Aspect)
			}
			limits[limit.Aspect] = true
		}
		for _, aspect := range plan.Aspects() {
			if b.Given[aspect] != nil && (b.Uses(aspect) || !b.Takes(aspect)) {
				t.Errorf("%s: aspect %d is given, and restricted: %t", b.Name, aspect, b.Uses(aspect))
			}
			if b.Uses(aspect) != limits[aspect] {
				t.Errorf("%s: aspect %d has a rule: %t, a limit: %t", b.Name, aspect, b.Uses(aspect), limits[aspect])
			}
		}
	}
}

func TestAnnotationsBeginWithTheRoles(t *testing.T) {
	want := []string{
		names.AnnotationPermittedRole, names.AnnotationPermittedRegion, names.AnnotationPermittedServiceAccount,
		names.AnnotationPermittedVaultMount, names.AnnotationPermittedVaultServer, names.AnnotationPermittedVaultNamespace,
		names.AnnotationPermittedKeyVault, names.AnnotationPermittedProject,
	}
	if diff := cmp.Diff(want, backend.Annotations()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestReadKeepsWhatMeansSomethingAndFillsInTheRest(t *testing.T) {
	all := plan.Read{Key: "k", Version: "1", VersionID: "i", VersionStage: "s", EngineVersion: 1, Object: "key", Tags: "a=b", Optional: true}
	for _, test := range []struct {
		backend    plan.Backend
		all, plain plan.Read
	}{
		{backend.AWSSecretsManager, plan.Read{VersionID: "i"}, plan.Read{VersionStage: "AWSCURRENT"}},
		{backend.AWSParameterStore, plan.Read{Version: "1"}, plan.Read{}},
		{backend.Vault, plan.Read{Version: "1", EngineVersion: 1}, plan.Read{EngineVersion: 2}},
		{backend.AzureKeyVault, plan.Read{Version: "1", Object: "key"}, plan.Read{}},
		{backend.GCPSecretManager, plan.Read{Version: "1"}, plan.Read{Version: "latest"}},
		{backend.AlicloudKMS, plan.Read{VersionID: "i"}, plan.Read{VersionStage: "ACSCurrent"}},
	} {
		of, _ := backend.Of(test.backend)
		test.all.Key, test.plain.Key, test.all.Optional = "k", "k", true
		if diff := cmp.Diff([]plan.Read{test.all, test.plain}, []plan.Read{of.Read(all), of.Read(plan.Read{Key: "k"})}); diff != "" {
			t.Errorf("%s: with all options and with none: -want +got:\n%s", test.backend, diff)
		}
	}
}

func TestAWalkReadsCurrentVersionsThatHaveTheTags(t *testing.T) {
	all := plan.Read{Key: "k", Path: true, Version: "1", VersionID: "i", VersionStage: "s", Object: "key", Tags: "a=b"}
	for name, want := range map[plan.Backend]plan.Read{
		backend.AWSSecretsManager: {Key: "k", Path: true, Recursive: true, Tags: "a=b"},
		backend.AWSParameterStore: {Key: "k", Path: true, Tags: "a=b"},
		backend.AzureKeyVault:     {Key: "k", Path: true, Tags: "a=b"},
		backend.GCPSecretManager:  {Key: "k", Path: true, Tags: "a=b"},
	} {
		of, _ := backend.Of(name)
		if diff := cmp.Diff(want, of.Read(all)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

func TestOptionsThatAreNoPinsCanBeDropped(t *testing.T) {
	all := plan.Read{Key: "k", Version: "1", VersionID: "i", VersionStage: "s"}
	for name, want := range map[plan.Backend]plan.Read{
		backend.AWSSecretsManager: {Key: "k", VersionID: "i", VersionStage: "s"},
		backend.AWSParameterStore: {Key: "k"},
		backend.GCPSecretManager:  {Key: "k", Version: "1"},
		backend.AlicloudKMS:       {Key: "k", VersionStage: "s"},
	} {
		of, _ := backend.Of(name)
		if diff := cmp.Diff(want, of.Pinned(all)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

func TestKeysAreOfWhatIsRead(t *testing.T) {
	for name, test := range map[string]struct {
		backend plan.Backend
		read    plan.Read
		want    bool // it is accepted
	}{
		"all secrets":                         {backend.AWSSecretsManager, plan.Read{Path: true}, true},
		"all parameters":                      {backend.AWSParameterStore, plan.Read{Path: true}, true},
		"a secret without a name":             {backend.AWSSecretsManager, plan.Read{}, false},
		"where no names are listed at all":    {backend.AlicloudKMS, plan.Read{Path: true}, false},
		"a certificate":                       {backend.AzureKeyVault, plan.Read{Key: "cert/web", Object: "cert"}, true},
		"a key":                               {backend.AzureKeyVault, plan.Read{Key: "key/web", Object: "key", Version: "1"}, true},
		"a key without its kind":              {backend.AzureKeyVault, plan.Read{Key: "web", Object: "key"}, false},
		"a key that looks like a certificate": {backend.AzureKeyVault, plan.Read{Key: "cert/web", Object: "key"}, false},
		"a third segment":                     {backend.AzureKeyVault, plan.Read{Key: "key/web/1", Object: "key"}, false},
		"an object that no vault has":         {backend.AzureKeyVault, plan.Read{Key: "storage/web", Object: "storage"}, false},
		"an object of a backend without any":  {backend.GCPSecretManager, plan.Read{Key: "key", Object: "key"}, false},
		"a version in the key of a secret":    {backend.AzureKeyVault, plan.Read{Key: "cert/web"}, true},
		"all secrets of a vault":              {backend.AzureKeyVault, plan.Read{Path: true}, true},
		"all secrets of a project":            {backend.GCPSecretManager, plan.Read{Path: true}, true},
		"a secret of Google without a name":   {backend.GCPSecretManager, plan.Read{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			of, _ := backend.Of(test.backend)
			b := &plan.Builder{Plan: &plan.Plan{}}
			of.Add(b, plan.Entry{Source: plan.Source{Read: test.read}}, field.NewPath("spec"))
			if got := len(b.Errs) == 0 && len(b.Plan.Entries) == 1; got != test.want {
				t.Errorf("got %t with errors %v, want %t", got, b.Errs, test.want)
			}
		})
	}
}

func TestAWalkOfVaultHasAMountAndTagsAndNoVersion(t *testing.T) {
	of, _ := backend.Of(backend.Vault)
	walk := plan.Read{Key: "team/kv/data/a", Path: true, Recursive: true, EngineVersion: 2, EngineMount: "team/kv", Tags: "a=b", Optional: true}
	said := walk
	said.Version = "1"
	if diff := cmp.Diff(walk, of.Read(said)); diff != "" {
		t.Errorf("of a walk -want +got:\n%s", diff)
	}
	said.Path, said.Recursive = false, false
	single := plan.Read{Key: "team/kv/data/a", Version: "1", EngineVersion: 2, Optional: true}
	if diff := cmp.Diff(single, of.Read(said)); diff != "" {
		t.Errorf("of a single value -want +got:\n%s", diff)
	}
}

func TestDefaultsAreThoseOfTheBackend(t *testing.T) {
	defaults := backend.Defaults{Region: "eu-west-1", VaultMount: "kubernetes", VaultRole: "reader", Project: "core"}
	for _, want := range []plan.Store{
		{Backend: backend.AWSSecretsManager, Location: "eu-west-1"}, {Backend: backend.AWSParameterStore, Location: "eu-west-1"},
		{Backend: backend.Vault, Mount: "kubernetes", Role: "reader"}, {Backend: backend.AzureKeyVault},
		{Backend: backend.GCPSecretManager, Container: "core"}, {Backend: backend.AlicloudKMS}, {Backend: "none"},
	} {
		if diff := cmp.Diff(want, defaults.Of(want.Backend)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", want.Backend, diff)
		}
	}
}

func TestASettingThatCanNeverBeUsedIsRefused(t *testing.T) {
	of, _ := backend.Of(backend.Vault)
	for value, want := range map[string]string{
		"":                        "",
		"kubernetes":              "",
		"k/":                      `--mount is "k/": must not start or end with / nor contain //: write k`,
		strings.Repeat("a", 2049): `--mount is "` + strings.Repeat("a", 2049) + `": may not be more than 2048 characters`,
	} {
		got := ""
		if err := of.Setting("--mount", plan.Mount, value); err != nil {
			got = err.Error()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

// build begins the plan of an object that reads in a store, whose aspects stand at these places.
func build(s plan.Store, places plan.Places) *plan.Builder {
	words := &plan.Words{Kind: "Example", Spec: "spec", Terms: map[plan.Term]string{plan.TermBackend: "backend"}}
	b := plan.Build(&metav1.ObjectMeta{Namespace: "core", Name: "db"}, schema.GroupVersionKind{Kind: "Example"}, words)
	b.Plan.Places[s] = places
	return b
}

func TestCheckPointsAtTheFieldsThatTheObjectHas(t *testing.T) {
	of, _ := backend.Of(backend.Vault)
	store := plan.Store{Backend: backend.Vault, Address: "vault:8200", Mount: "a/../b", Role: strings.Repeat("a", 2049), Namespace: "n/"}
	places := plan.Places{plan.Address: {Field: "spec.server"}, plan.Mount: {Field: "spec.mount"}, plan.Role: {Field: "spec.role"}}
	b := build(store, places)
	of.Check(b, store, places)
	want := []string{
		"spec.role: Too long: may not be more than 2048 characters",
		`spec.mount: Invalid value: "a/../b": ` + dots,
		`spec.server: Invalid value: "vault:8200": ` + aServer,
	}
	if diff := cmp.Diff(want, problems(b.Errs)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAnARNOfAnotherRegionNamesTheFieldWhereThereIsOne(t *testing.T) {
	const key = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf"
	of, _ := backend.Of(backend.AWSSecretsManager)
	store := plan.Store{Backend: backend.AWSSecretsManager, Location: "us-east-1"}
	for name, test := range map[string]struct {
		places plan.Places
		want   string
	}{
		"a field that is set":     {plan.Places{plan.Location: {Field: "spec.aws.region"}}, "us-east-1: set region: eu-west-1"},
		"a field that is not set": {plan.Places{plan.Location: {Field: "spec.region", Default: true}}, "us-east-1, the installation's: set region: eu-west-1"},
		"no such field":           {nil, "us-east-1, the installation's"},
	} {
		t.Run(name, func(t *testing.T) {
			b := build(store, test.places)
			of.Add(b, plan.Entry{Source: plan.Source{Store: store, Read: plan.Read{Key: key}}}, field.NewPath("spec", "key"))
			want := []string{`spec.key: Invalid value: "` + key + `": is an ARN of region eu-west-1, but this object reads in ` + test.want}
			if diff := cmp.Diff(want, problems(b.Errs)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// problems are the texts of errors.
func problems(errs field.ErrorList) []string {
	var texts []string
	for _, err := range errs {
		texts = append(texts, err.Error())
	}
	return texts
}
