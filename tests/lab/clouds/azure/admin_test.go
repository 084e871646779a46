package azure_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/tests/lab/clouds/azure"
)

// admin calls the admin API as an outside program does, and returns status and body.
func (l *lab) admin(method, path, body string) string {
	l.t.Helper()
	r, err := http.NewRequestWithContext(l.t.Context(), method, l.url+"/_admin/azure"+path, strings.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return strings.TrimSpace(response.Status[:3] + " " + string(text))
}

func TestOutsideProgramsSetUpVaultsAndApplications(t *testing.T) {
	l := newLab(t)
	app := `{"clientId":"bench","objectId":"o","clientSecret":"s","permissions":[{"actions":["*"],"resources":["*/vaults/bench/*"]}]}`
	answered := `"tenant":"` + azure.Tenant + `"`
	got := []string{
		l.admin(http.MethodPut, "/secrets", `{"vault":"bench","secrets":[{"name":"a","value":"1","version":"v1"},{"name":"a","value":"2","version":"v2"}]}`),
		l.admin(http.MethodPut, "/secrets", `{"vault":"bench","secrets":[{"name":"a_b","value":"1"}]}`),
		l.admin(http.MethodGet, "/secrets?vault=bench", ""),
		l.admin(http.MethodPost, "/secrets/delete", `{"vault":"bench","names":["a","never"]}`),
		l.admin(http.MethodGet, "/secrets?vault=bench", ""),
		l.admin(http.MethodPut, "/apps", `{"clientId":"x","managed":"yes","permissions":[]}`),
		l.admin(http.MethodDelete, "/apps?clientId=missing", ""),
		l.admin(http.MethodPost, "/tokens/expire", ""),
	}
	want := []string{
		"200 2",
		`400 {"error":"secret \"a_b\", version \"\": give up to 127 letters, digits and dashes"}`,
		`200 [{"name":"a","versions":["v1","v2"],"deleted":false}]`,
		"204",
		`200 [{"name":"a","versions":["v1","v2"],"deleted":true}]`,
		`400 {"error":"application x: managed is \"yes\": give system, user or nothing"}`,
		`400 {"error":"no application has the client id \"missing\""}`,
		"204",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	if put := l.admin(http.MethodPut, "/apps", app); !strings.HasPrefix(put, "200 ") || !strings.Contains(put, answered) {
		t.Errorf("the application is answered as %s", put)
	}
	if listed := l.admin(http.MethodGet, "/apps", ""); !strings.Contains(listed, `"clientId":"bench"`) || strings.Contains(listed, "clientSecret") {
		t.Errorf("the list lacks the application, or has secrets: %d bytes", len(listed))
	}
	_, refusal := l.ask(azure.Tenant, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"bench"}, "client_secret": {"s"}, "scope": {"https://vault.azure.net/.default"},
	})
	if refusal != "" {
		t.Errorf("the application is refused: %s", refusal)
	}
}
