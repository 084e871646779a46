package integration

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/keyvault"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
)

// foundIn searches, and returns the values by name, or what the error says.
func foundIn(t *testing.T, client *backend.Client, store plan.Store, read plan.Read) map[string]string {
	t.Helper()
	read.Path = true
	values, err := client.Get(t.Context(), plan.Source{Store: store, Read: read})
	if err != nil {
		return map[string]string{"error": err.Error()}
	}
	found := map[string]string{}
	for _, value := range values {
		found[value.Name] = string(value.Data)
	}
	return found
}

func TestAzureSearches(t *testing.T) {
	l := startAzure(t)
	core := map[string]string{"team": "core", "stage": "dev"}
	for _, secret := range []keyvault.Secret{
		{Name: "db-1", Value: "old", Tags: core}, {Name: "db-1", Value: "one", Tags: core}, {Name: "DB-2", Value: "two", Tags: map[string]string{"team": "core"}},
		{Name: "off", Value: "hidden", Tags: core, Disabled: true}, {Name: "gone", Value: "deleted", Tags: core}, {Name: "web", Value: "three"},
	} {
		l.put(t, "team", secret)
	}
	l.Azure().DeleteSecrets("team", "gone")
	for i := range 60 {
		l.put(t, "many", keyvault.Secret{Name: fmt.Sprint("s", i), Value: "x"})
	}
	l.put(t, "empty", keyvault.Secret{Name: "gone", Value: "x"})
	l.Azure().DeleteSecrets("empty", "gone")
	client := &backend.Client{Drivers: map[plan.Backend]driver.Driver{backends.AzureKeyVault: l.driver(t, l.url, azurekeyvault.Config{})}}
	const from = " from azureKeyVault in vault "
	for name, test := range map[string]struct {
		vault string
		read  plan.Read
		want  map[string]string
	}{
		"all that are enabled": {"team", plan.Read{}, map[string]string{"db-1": "one", "DB-2": "two", "web": "three"}},
		"those with a tag":     {"team", plan.Read{Tags: "team=core"}, map[string]string{"db-1": "one", "DB-2": "two"}},
		"those with two tags":  {"team", plan.Read{Tags: plan.ListOf("team=core", "stage=dev")}, map[string]string{"db-1": "one"}},
		"those that begin so":  {"team", plan.Read{Key: "db-"}, map[string]string{"db-1": "one"}},
		"none with such a tag": {"team", plan.Read{Tags: "team=cor"}, map[string]string{
			"error": `cannot read all names` + from + "team: not found: no secret is found; check what names begin with, and the tags",
		}},
		"none at all": {"empty", plan.Read{}, map[string]string{
			"error": `cannot read all names` + from + "empty: not found: no secret is found; check what names begin with, and the tags",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, foundIn(t, client, azureStore(test.vault), test.read)); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("all pages of a list are read", func(t *testing.T) {
		if got := foundIn(t, client, azureStore("many"), plan.Read{}); len(got) != 60 {
			t.Errorf("%d secrets are found, want 60: %s", len(got), got["error"])
		}
	})
	t.Run("who may read single secrets, and not list them", func(t *testing.T) {
		l.app(t, azure.MayRead("team", "*")[:1])
		got := foundIn(t, client, azureStore("team"), plan.Read{})["error"]
		if !strings.Contains(got, "access denied: Forbidden: ") || !strings.HasSuffix(got, "the role Key Vault Secrets User on the vault") {
			t.Errorf("got %s, want a denial and its remedy", got)
		}
	})
}

// TestAzureListsThatLeadElsewhere has a vault say that its list goes on at another host, which must not get the token.
func TestAzureListsThatLeadElsewhere(t *testing.T) {
	l := startAzure(t)
	l.put(t, "team", keyvault.Secret{Name: "a", Value: "x"})
	l.put(t, "other", keyvault.Secret{Name: "a", Value: "x"})
	var elsewhere atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Host, "other.") {
			elsewhere.Add(1)
		}
		if r.URL.Path == "/secrets" && r.Header.Get("Authorization") != "" {
			_, _ = fmt.Fprint(w, `{"value":[],"nextLink":"https://other.vault.azure.net/secrets?api-version=7.4"}`)
			return
		}
		l.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	client := &backend.Client{Drivers: map[plan.Backend]driver.Driver{backends.AzureKeyVault: l.driver(t, server.URL, azurekeyvault.Config{})}}
	got := foundIn(t, client, azureStore("team"), plan.Read{})["error"]
	if !strings.Contains(got, "unavailable: the answer is that of another secret") || elsewhere.Load() != 0 {
		t.Errorf("got %s, and the other host was asked %d times, want never", got, elsewhere.Load())
	}
}

func TestAzureObjects(t *testing.T) {
	const version = "0123456789abcdef0123456789abcdef"
	l := startAzure(t)
	text, key := certificateOf(t, "web.example")
	block, _ := pem.Decode([]byte(text))
	public, err := jose.JSONWebKey{Key: key.Key}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	cer := base64.StdEncoding.EncodeToString(block.Bytes)
	for _, object := range []keyvault.Secret{
		{Name: "web", Kind: keyvault.Certificates, Value: cer, Version: version}, {Name: "web", Kind: keyvault.Keys, Value: string(public), Version: version},
		{Name: "web", Kind: keyvault.Certificates, Value: cer}, {Name: "web", Value: "a secret"},
	} {
		l.put(t, "team", object)
	}
	d := l.driver(t, l.url, azurekeyvault.Config{})
	client := &backend.Client{Drivers: map[plan.Backend]driver.Driver{backends.AzureKeyVault: d}}
	get := func(read plan.Read) (driver.Value, string) {
		values, err := client.Get(t.Context(), plan.Source{Store: azureStore("team"), Read: read})
		if err != nil {
			return driver.Value{}, err.Error()
		}
		return values[0], ""
	}
	l.app(t, azure.MayRead("team", "*"))
	for object, role := range map[string]string{"cert": "Key Vault Certificate User", "key": "Key Vault Crypto User"} {
		if _, says := get(plan.Read{Key: object + "/web", Object: object}); !strings.HasSuffix(says, "the role "+role+" on the vault") {
			t.Errorf("without a right on a %s: got %s, want the role %s", object, says, role)
		}
	}
	l.app(t, append(azure.MayRead("team", "*"), azure.MayReadPublic("team", "*")...))
	value, says := get(plan.Read{Key: "cert/web", Object: "cert", Version: version})
	if want := (driver.Value{Data: block.Bytes, Bytes: true, Version: version}); !cmp.Equal(want, value) {
		t.Errorf("a certificate: got %d bytes of version %s (%s), want its DER", len(value.Data), value.Version, says)
	}
	if value, says = get(plan.Read{Key: "cert/web", Object: "cert"}); value.Version == version || says != "" {
		t.Errorf("the newest certificate: got version %s (%s)", value.Version, says)
	}
	value, says = get(plan.Read{Key: "key/web", Object: "key"})
	var got, want map[string]any
	if err := json.Unmarshal(value.Data, &got); err != nil {
		t.Fatalf("%v: %s", err, says)
	}
	_ = json.Unmarshal(public, &want)
	want["kid"] = "https://team.vault.azure.net/keys/web/" + version
	if diff := cmp.Diff(want, got); diff != "" || value.Version != version {
		t.Errorf("a key of version %s (-want +got):\n%s", value.Version, diff)
	}
	for name, read := range map[string]plan.Read{
		"a certificate that is none":         {Key: "cert/none", Object: "cert"},
		"a key in a version that is none":    {Key: "key/web", Object: "key", Version: "none"},
		"a secret in a version that is none": {Key: "web", Version: "none"},
	} {
		if _, says := get(read); !strings.Contains(says, ": not found: ") {
			t.Errorf("%s: got %s", name, says)
		}
	}
	for name, read := range map[string]plan.Read{
		"a key that has another kind": {Key: "key/web", Object: "cert"},
		"a third segment":             {Key: "cert/web/" + version, Object: "cert"},
		"two versions":                {Key: "web/" + version, Version: "other"},
		"a kind that no vault has":    {Key: "storage/web", Object: "storage"},
	} {
		before := l.Counters().Sum(counter.Key{})
		if _, says := get(read); !strings.Contains(says, ": not a valid request: the key does not name one object") {
			t.Errorf("%s: got %s", name, says)
		}
		if n := l.Counters().Sum(counter.Key{}) - before; n != 0 {
			t.Errorf("%s: %d calls were made, want none", name, n)
		}
	}
}

// TestAzureAnswersOfOtherObjects has answers name others than what was asked for.
func TestAzureAnswersOfOtherObjects(t *testing.T) {
	l := startAzure(t)
	_, key := certificateOf(t, "web.example")
	public, err := jose.JSONWebKey{Key: key.Key}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	l.app(t, azure.MayReadPublic("team", "*"))
	l.put(t, "team", keyvault.Secret{Name: "asked", Kind: keyvault.Keys, Value: string(public)})
	l.put(t, "team", keyvault.Secret{Name: "asked", Kind: keyvault.Certificates, Value: "MAAA"})
	d := l.driver(t, damagingPlainly(t, l.url, func(answer []byte) []byte {
		return []byte(strings.ReplaceAll(string(answer), "asked", "other"))
	}), azurekeyvault.Config{})
	for _, object := range []string{"cert", "key"} {
		_, err := d.Get(t.Context(), azureStore("team"), plan.Read{Key: object + "/asked", Object: object})
		if err == nil || !errors.Is(err, driver.ErrOther) {
			t.Errorf("%s: got %v, want that it is another's", object, err)
		}
	}
}
