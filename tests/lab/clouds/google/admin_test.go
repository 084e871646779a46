package google_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/tests/lab/clouds/google"
	store "github.com/secretgate/secretgate/tests/lab/clouds/google/secretmanager"
)

func TestAdminAPI(t *testing.T) {
	l := start(t)
	mux := http.NewServeMux()
	l.Admin(mux, "/_admin/google")
	l.plain = httptest.NewServer(mux)
	t.Cleanup(l.plain.Close)
	for _, c := range []struct {
		method, path, body string
		code               int
	}{
		{"PUT", "/projects", `{"id":"new","number":"5"}`, 204},
		{"PUT", "/projects", `{"id":"newer","number":"5"}`, 400},
		{"PUT", "/secrets", `{"project":"new","secrets":[{"name":"a","string":"planted"},{"name":"b","binary":"AAE="}]}`, 200},
		{"PUT", "/secrets", `{"project":"nowhere","secrets":[{"name":"a","string":"planted"}]}`, 400},
		{"PUT", "/secrets", `{"project":"new","secrets":[{"name":"a/b","string":"planted"}]}`, 400},
		{"PUT", "/secrets", `{"project":"new","secrets":[{"nam":"a"}]}`, 400},
		{"POST", "/secrets/rotate", `{"project":"new","secrets":[{"name":"a","string":"planted"}]}`, 200},
		{"POST", "/secrets/rotate", `{"project":"new","secrets":[{"name":"none","string":"planted"}]}`, 400},
		{"POST", "/versions/state", `{"project":"new","name":"a","version":1,"state":"DESTROYED"}`, 204},
		{"POST", "/versions/state", `{"project":"new","name":"a","version":1,"state":"ENABLED"}`, 400},
		{"POST", "/versions/state", `{"project":"new","name":"a","version":3,"state":"DISABLED"}`, 400},
		{"POST", "/versions/alias", `{"project":"new","name":"a","version":2,"alias":"stable"}`, 204},
		{"POST", "/versions/alias", `{"project":"new","name":"a","version":2,"alias":"latest"}`, 400},
		{"POST", "/secrets/delete", `{"project":"new","names":["b"]}`, 204},
		{"PUT", "/accounts", `{"email":"team@new.iam.gserviceaccount.com","permissions":[]}`, 204},
		{"PUT", "/accounts", `{"email":"user@example.com"}`, 400},
		{"POST", "/keys", `{"email":"team@new.iam.gserviceaccount.com"}`, 200},
		{"POST", "/keys", `{"email":"missing@new.iam.gserviceaccount.com"}`, 400},
		{"DELETE", "/keys?email=team@new.iam.gserviceaccount.com", "", 204},
		{"POST", "/metadata", `{"email":"team@new.iam.gserviceaccount.com"}`, 204},
		{"POST", "/tokens/expire", "", 204},
		{"DELETE", "/accounts?email=team@new.iam.gserviceaccount.com", "", 204},
		{"DELETE", "/accounts?email=team@new.iam.gserviceaccount.com", "", 400},
	} {
		if _, code := l.send(t, c.method, "/_admin/google"+c.path, c.body); code != c.code {
			t.Errorf("%s %s %s: status %d, want %d", c.method, c.path, c.body, code, c.code)
		}
	}
	want := []store.Listed{{Name: "a", Versions: []store.State{store.Destroyed, store.Enabled}, Aliases: map[string]int{"stable": 2}}}
	if diff := cmp.Diff(want, l.Secrets().Listed("new")); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	l.send(t, "POST", "/_admin/google/secrets/delete", `{"all":true}`)
	if left := l.Secrets().Listed(google.LabProject); len(left) != 0 {
		t.Errorf("%d secrets of the lab's project are left", len(left))
	}
}
