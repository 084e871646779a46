package hashivault_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
)

// counting is a Vault that knows one secret id, and keeps those that it was asked for.
type counting struct {
	refuses string // what it says to others
	tried   []string
}

func (v *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, "/login") {
		_, _ = io.WriteString(w, `{"data":{"as":"the role"}}`)
		return
	}
	body, _ := io.ReadAll(r.Body)
	v.tried = append(v.tried, string(body))
	if !strings.Contains(string(body), "right") {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"errors":["`+v.refuses+`"]}`)
		return
	}
	_, _ = io.WriteString(w, `{"auth":{"client_token":"token","lease_duration":3600}}`)
}

// Vault locks an AppRole after five wrong secret ids, for all who log in as it. So a secret id that it does not know is tried once more,
// as a node may lag behind, and then as seldom as Vault does not count. Another one is tried at once.
func TestAWrongSecretIDLocksNoAppRole(t *testing.T) {
	const invalid = "invalid role or secret ID"
	wrong := `{"role_id":"role-id","secret_id":"wrong"}`
	right := strings.Replace(wrong, "wrong", "right", 1)
	for name, test := range map[string]struct {
		method, refuses string
		reads           []time.Duration // by the wrong one
		rights          bool            // then there is the right one
		want            []string
	}{
		"it is tried twice":           {backends.VaultAppRole, invalid, []time.Duration{0, 9 * time.Second, 10 * time.Second, 15 * time.Minute}, false, []string{wrong, wrong}},
		"and once in 16 minutes":      {backends.VaultAppRole, invalid, []time.Duration{0, time.Minute, 17 * time.Minute, 32 * time.Minute}, false, []string{wrong, wrong, wrong}},
		"the right one goes at once":  {backends.VaultAppRole, invalid, []time.Duration{0, time.Second}, true, []string{wrong, right}},
		"any other failure may pass":  {backends.VaultAppRole, "no", []time.Duration{0, time.Second, 2 * time.Second}, false, []string{wrong, wrong, wrong}},
		"other methods are not meant": {backends.VaultJWT, invalid, []time.Duration{0, time.Second}, false, []string{`{"jwt":"wrong","role":"role-id"}`, `{"jwt":"wrong","role":"role-id"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			v, now, secret := &counting{refuses: test.refuses}, begin, "wrong"
			read := readAs(t, hashivault.Config{
				Address: serve(t, v).URL, Now: func() time.Time { return now },
				Credentials: func(context.Context, plan.Credential) (string, error) { return secret, nil },
			})
			store := plan.Store{Method: test.method, Mount: "approle", Role: "role-id", Credential: secretID}
			for _, after := range test.reads {
				now = begin.Add(after)
				if got, want := read(store), "unauthenticated: no login: "+test.refuses+"; "; !strings.HasPrefix(got, want) {
					t.Errorf("after %s: got %s, want %s…", after, got, want)
				}
			}
			if secret = "right"; test.rights {
				if got, want := read(store), "as the role"; got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}
			if diff := cmp.Diff(test.want, v.tried); diff != "" {
				t.Errorf("logins (-want +got):\n%s", diff)
			}
		})
	}
}
