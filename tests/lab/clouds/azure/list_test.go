package azure_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/tests/lab/clouds/azure"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/keyvault"
)

func TestListsComeInPages(t *testing.T) {
	l := newLab(t)
	token, _ := l.ask(azure.Tenant, l.form())
	tags := map[string]string{"team": "core"}
	for i := range 30 {
		secret := keyvault.Secret{Name: fmt.Sprintf("s%02d", i), Value: "planted", Tags: tags, Disabled: i == 0}
		if err := l.Azure().PutSecrets("many", secret); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Azure().PutSecrets("many", keyvault.Secret{Name: "web", Kind: keyvault.Keys, Value: "{}"}); err != nil {
		t.Fatal(err)
	}
	l.Azure().DeleteSecrets("many", "s01")
	get := func(token, path string) map[string]any {
		r := l.request(http.MethodGet, "many.vault.azure.net", path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		_, _, body := l.call(r)
		return body
	}
	var sizes []int
	path := "/secrets?api-version=7.4"
	for path != "" {
		page := get(token, path)
		values, _ := page["value"].([]any)
		sizes = append(sizes, len(values))
		next, _ := page["nextLink"].(string)
		at, err := url.Parse(next)
		if err != nil {
			t.Fatal(err)
		}
		if path = at.RequestURI(); next == "" {
			path = ""
		}
		for _, value := range values {
			one, _ := value.(map[string]any)
			if diff := cmp.Diff(map[string]any{"team": "core"}, one["tags"]); diff != "" || one["value"] != nil {
				t.Fatalf("%v has a value, or other tags (-want +got):\n%s", one, diff)
			}
		}
	}
	if diff := cmp.Diff([]int{25, 4}, sizes); diff != "" {
		t.Errorf("sizes of pages (-want +got):\n%s", diff)
	}
	app := l.Azure().LabApp()
	app.Permissions = azure.MayRead("many", "*")[:1]
	if _, err := l.Azure().Entra().PutApp(app); err != nil {
		t.Fatal(err)
	}
	refusal, _ := get(token, "/secrets?api-version=7.4")["error"].(map[string]any)
	if refusal["code"] != "Forbidden" {
		t.Errorf("without the right to list: got %v, want it forbidden", refusal)
	}
}

func TestCertificatesAndKeysAreReadByTheirOwnRights(t *testing.T) {
	l := newLab(t)
	token, _ := l.ask(azure.Tenant, l.form())
	for _, object := range []keyvault.Secret{
		{Name: "web", Kind: keyvault.Certificates, Value: "MAAA", Version: "1"}, {Name: "web", Kind: keyvault.Keys, Value: `{"kty":"RSA"}`, Version: "1"},
	} {
		if err := l.Azure().PutSecrets("hello", object); err != nil {
			t.Fatal(err)
		}
	}
	get := func(path string) (body map[string]any) {
		r := l.request(http.MethodGet, "hello.vault.azure.net", path+"?api-version=7.4", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		_, _, body = l.call(r)
		return body
	}
	for _, path := range []string{"/certificates/web", "/keys/web"} {
		if body := get(path); body["error"] == nil {
			t.Errorf("%s is read without a right", path)
		}
	}
	app := l.Azure().LabApp()
	app.Permissions = azure.MayReadPublic("hello", "web")
	if _, err := l.Azure().Entra().PutApp(app); err != nil {
		t.Fatal(err)
	}
	key, _ := get("/keys/web/1")["key"].(map[string]any)
	got := map[string]any{"cer": get("/certificates/web")["cer"], "kty": key["kty"], "kid": key["kid"], "secret": get("/secrets/a")["value"]}
	want := map[string]any{"cer": "MAAA", "kty": "RSA", "kid": "https://hello.vault.azure.net/keys/web/1", "secret": nil}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}
