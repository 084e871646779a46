package integration

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/secretmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

// mayGoogle replaces what the reader may.
func (l *googleLab) mayGoogle(t *testing.T, may ...permission.Allow) {
	t.Helper()
	if err := l.Google().IAM().PutAccount(iam.Account{Email: googleReader, Permissions: may}); err != nil {
		t.Fatal(err)
	}
}

func TestGoogleSearches(t *testing.T) {
	l := startGoogle(t)
	core := map[string]string{"team": "core", "stage": "dev"}
	for _, secret := range []secretmanager.Secret{
		{Name: "team0-db-1", String: "old", Labels: core}, {Name: "team0-db-1", String: "one"}, {Name: "team0-DB-2", String: "two", Labels: map[string]string{"team": "core"}},
		{Name: "team0-web-team0-db", String: "three"}, {Name: "team0-db-9", String: "elsewhere", Location: "europe-west1", Labels: core},
	} {
		l.put(t, secret)
	}
	for i := range 60 {
		l.put(t, secretmanager.Secret{Name: fmt.Sprint("team1-s", i), String: "x"})
	}
	l.put(t, secretmanager.Secret{Name: "team2-off", String: "x", Labels: core})
	if err := l.Google().Secrets().SetState("team2", "team2-off", 1, secretmanager.Disabled); err != nil {
		t.Fatal(err)
	}
	l.mayGoogle(t, readGoogle("projects/*"), listGoogle("projects/team?"), listGoogle("projects/team0/locations/europe-west1"))
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", l.key(t, googleReader))
	client := &backend.Client{Drivers: map[plan.Backend]driver.Driver{backends.GCPSecretManager: l.driver(t, l.endpoint)}}
	regional := googleStore("team0")
	regional.Location = "europe-west1"
	const missing = "not found: no secret is found; check what names begin with, and the tags"
	for name, test := range map[string]struct {
		store plan.Store
		read  plan.Read
		want  map[string]string
	}{
		"all of a project":     {googleStore("team0"), plan.Read{}, map[string]string{"team0-db-1": "one", "team0-DB-2": "two", "team0-web-team0-db": "three"}},
		"all of a region":      {regional, plan.Read{}, map[string]string{"team0-db-9": "elsewhere"}},
		"those that begin so":  {googleStore("team0"), plan.Read{Key: "team0-db"}, map[string]string{"team0-db-1": "one"}},
		"those with a label":   {googleStore("team0"), plan.Read{Tags: "team=core"}, map[string]string{"team0-db-1": "one", "team0-DB-2": "two"}},
		"those with two":       {googleStore("team0"), plan.Read{Tags: plan.ListOf("team=core", "stage=dev")}, map[string]string{"team0-db-1": "one"}},
		"a prefix and a label": {googleStore("team0"), plan.Read{Key: "team0-DB", Tags: "team=core"}, map[string]string{"team0-DB-2": "two"}},
		"none that begins so": {googleStore("team0"), plan.Read{Key: "none"}, map[string]string{
			"error": `cannot read path "none" from gcpSecretsManager in project team0: ` + missing,
		}},
		"a value of a label that a filter would take for more": {googleStore("team0"), plan.Read{Tags: "team=core OR name:a"}, map[string]string{
			"error": `cannot read all names from gcpSecretsManager in project team0: ` + missing,
		}},
		"one whose newest version is disabled": {googleStore("team2"), plan.Read{Tags: "team=core"}, map[string]string{
			"error": `cannot read all names from gcpSecretsManager in project team2: unavailable: team2-off: Secret Version ` +
				"[projects/102/secrets/team2-off/versions/latest] is in DISABLED state; enable a version of it or add one, or search for others, " +
				"by their labels or by what their names begin with",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, foundIn(t, client, test.store, test.read)); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("all pages of a list are read", func(t *testing.T) {
		if got := foundIn(t, client, googleStore("team1"), plan.Read{Key: "team1-s"}); len(got) != 60 {
			t.Errorf("%d secrets are found, want 60: %s", len(got), got["error"])
		}
	})
	t.Run("who may read single secrets, and not list them", func(t *testing.T) {
		l.mayGoogle(t, readGoogle("projects/*"))
		got := foundIn(t, client, googleStore("team0"), plan.Read{})["error"]
		if !strings.Contains(got, "access denied: Permission 'secretmanager.secrets.list' denied") ||
			!strings.HasSuffix(got, "the roles roles/secretmanager.viewer and roles/secretmanager.secretAccessor on the project") {
			t.Errorf("got %s, want a denial and its remedy", got)
		}
	})
}

// TestGoogleRegions reads a secret of a region, which is another than the one of the same name without.
func TestGoogleRegions(t *testing.T) {
	l := startGoogle(t)
	l.put(t, secretmanager.Secret{Name: "team0-a", String: "global"})
	l.put(t, secretmanager.Secret{Name: "team0-a", String: "regional", Location: "europe-west1"})
	l.mayGoogle(t, readGoogle("projects/team0/secrets/*"), readGoogle("projects/team0/locations/europe-west1/secrets/*"))
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", l.key(t, googleReader))
	d := l.driver(t, l.endpoint)
	got := map[string]string{}
	for _, region := range []string{"", "europe-west1", "us-east1"} {
		store := googleStore("team0")
		store.Location = region
		value, err := d.Get(t.Context(), store, googleRead("team0-a"))
		if got[region] = string(value.Data); err != nil {
			got[region] = d.Classify(err).String()
		}
	}
	if diff := cmp.Diff(map[string]string{"": "global", "europe-west1": "regional", "us-east1": "denied"}, got); diff != "" {
		t.Errorf("by region (-want +got):\n%s", diff)
	}
	other := l.driver(t, l.changing(t, func(answer []byte) []byte {
		return []byte(strings.ReplaceAll(string(answer), "europe-west1", "europe-west2"))
	}))
	store := googleStore("team0")
	store.Location = "europe-west1"
	if _, err := other.Get(t.Context(), store, googleRead("team0-a")); !errors.Is(err, driver.ErrOther) {
		t.Errorf("an answer of another region: got %v, want that it is another's", err)
	}
	if n := l.Counters().Sum(counter.Key{Service: "secretmanager", Operation: "AccessSecretVersion", Code: "OK"}); n != 3 {
		t.Errorf("%d values were given, want 3", n)
	}
}
