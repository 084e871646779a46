package entra

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/google/go-cmp/cmp"
)

// authority answers as Entra ID and the metadata endpoint of virtual machines do, and notes what it is asked.
type authority struct{ asked []string }

func (a *authority) RoundTrip(r *http.Request) (*http.Response, error) {
	what := r.Method + " " + r.URL.Host + r.URL.Path
	form := r.URL.Query()
	if r.Body != nil {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if form, err = url.ParseQuery(string(text)); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"client_id", "client_secret", "client_assertion", "msi_res_id"} {
		if form.Has(name) {
			what += " " + name + "=" + form.Get(name)
		}
	}
	tenant := "https://" + r.URL.Host + "/" + strings.Split(r.URL.Path, "/")[1]
	answer := `{"access_token":"t","token_type":"Bearer","expires_in":"3600","expires_on":"4102444800","resource":"r"}`
	switch {
	case strings.HasSuffix(r.URL.Path, "/openid-configuration"):
		answer = `{"authorization_endpoint":"` + tenant + `/a","token_endpoint":"` + tenant + `/oauth2/v2.0/token","issuer":"` + tenant + `/v2.0"}`
	case strings.HasSuffix(r.URL.Path, "/discovery/instance"):
		if of := r.URL.Query().Get("authorization_endpoint"); !strings.HasPrefix(of, publicAuthority) {
			a.asked = append(a.asked, "what the public authority knows of "+of)
		}
		answer = `{"tenant_discovery_endpoint":"` + tenant + `/v2.0/.well-known/openid-configuration","metadata":[]}`
	default:
		a.asked = append(a.asked, what)
		answer = strings.ReplaceAll(answer, `"3600"`, map[bool]string{true: `"3600"`, false: `3600`}[r.URL.Host == MetadataHost])
	}
	return &http.Response{
		StatusCode: http.StatusOK, Request: r, Body: io.NopCloser(bytes.NewReader([]byte(answer))),
		Header: http.Header{"Content-Type": {"application/json"}},
	}, nil
}

func TestWhoIsAskedForAToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("federated\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const machine = "GET 169.254.169.254/metadata/identity/oauth2/token"
	principal := Credentials{TenantID: "home", ClientID: "id", ClientSecret: "secret"}
	pod := map[string]string{"AZURE_TENANT_ID": "home", "AZURE_CLIENT_ID": "pod", "AZURE_FEDERATED_TOKEN_FILE": file}
	with := func(env map[string]string, name, value string) map[string]string {
		more := map[string]string{name: value}
		for name, value := range env {
			if _, given := more[name]; !given {
				more[name] = value
			}
		}
		return more
	}
	const chinese = "https://login.chinacloudapi.cn"
	for name, test := range map[string]struct {
		given  Credentials
		env    map[string]string
		cloud  string // of its authority; empty: the public one
		tenant string
		want   []string
		says   string // of the error
	}{
		"a pod, by the token in its file": {env: pod, tenant: "home",
			want: []string{"POST login.microsoftonline.com/home/oauth2/v2.0/token client_id=pod client_assertion=federated"}},
		"a pod in China, whose authority the public one does not know": {env: pod, cloud: chinese, tenant: "home",
			want: []string{"POST login.chinacloudapi.cn/home/oauth2/v2.0/token client_id=pod client_assertion=federated"}},
		"a pod, for the vault of a tenant that is allowed": {env: with(pod, "AZURE_ADDITIONALLY_ALLOWED_TENANTS", "a;b"), tenant: "b",
			want: []string{"POST login.microsoftonline.com/b/oauth2/v2.0/token client_id=pod client_assertion=federated"}},
		"a pod, for the vault of another tenant":    {env: pod, tenant: "b", says: "isn't configured to acquire tokens for tenant"},
		"a pod without a tenant":                    {env: with(pod, "AZURE_TENANT_ID", ""), tenant: "home", says: "AZURE_TENANT_ID or AZURE_CLIENT_ID is not"},
		"a pod without a client id":                 {env: with(pod, "AZURE_CLIENT_ID", ""), tenant: "home", says: "AZURE_TENANT_ID or AZURE_CLIENT_ID is not"},
		"a client secret goes before a pod's token": {env: with(pod, "AZURE_CLIENT_SECRET", "secret"), tenant: "home", want: []string{"POST login.microsoftonline.com/home/oauth2/v2.0/token client_id=pod client_secret=secret"}},
		"a machine's identity, if nothing is set":   {tenant: "home", want: []string{machine}},
		"a machine's identity by its client id":     {env: map[string]string{"AZURE_CLIENT_ID": "user"}, tenant: "home", want: []string{machine + " client_id=user"}},
		"a service principal that is given goes before what the environment offers": {given: principal, env: pod, tenant: "home",
			want: []string{"POST login.microsoftonline.com/home/oauth2/v2.0/token client_id=id client_secret=secret"}},
		"one in China": {given: principal, cloud: chinese, tenant: "home",
			want: []string{"POST login.chinacloudapi.cn/home/oauth2/v2.0/token client_id=id client_secret=secret"}},
		"one for the vault of a tenant that is allowed": {
			given: principal, env: map[string]string{"AZURE_ADDITIONALLY_ALLOWED_TENANTS": "a;b"}, tenant: "b",
			want: []string{"POST login.microsoftonline.com/b/oauth2/v2.0/token client_id=id client_secret=secret"}},
		"a machine's identity that is given goes before a service principal": {
			given: Credentials{ManagedClientID: "user", ManagedResourceID: "/r", TenantID: "home", ClientID: "id", ClientSecret: "secret"},
			env:   pod, tenant: "home", want: []string{machine + " client_id=user"}},
		"one by its resource": {given: Credentials{ManagedResourceID: "/r", ClientSecret: "secret"}, tenant: "home", want: []string{machine + " msi_res_id=/r"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, name := range []string{
				"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE",
				"AZURE_ADDITIONALLY_ALLOWED_TENANTS", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET",
			} {
				t.Setenv(name, test.env[name])
			}
			a := &authority{}
			where := Cloud{Authority: publicAuthority}
			if test.cloud != "" {
				where = Cloud{Authority: test.cloud, Private: true}
			}
			_, err := New(where, test.given, a, 10*time.Second).GetToken(t.Context(), policy.TokenRequestOptions{
				TenantID: test.tenant, Scopes: []string{"https://vault.azure.net/.default"},
			})
			if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("got the error %v, want %q", err, test.says)
			}
			if diff := cmp.Diff(test.want, a.asked); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}
