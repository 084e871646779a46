package integration

import (
	"strings"
	"testing"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/google"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/secretmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

const (
	googleAnnotation = "iam.gke.io/gcp-service-account"
	googlePool       = "team0.svc.id.goog"
	googleProvider   = "https://container.googleapis.com/v1/projects/team0/locations/europe-west1/clusters/lab"
)

// googleStores is a Google Cloud that knows the lab's cluster. The syncer has no credentials of its own there.
type googleStores struct {
	*googleLab
	*storesCluster
	client *backend.Client
}

func newGoogleStores(t *testing.T, namespace string) *googleStores {
	t.Helper()
	l := &googleStores{googleLab: startGoogle(t), storesCluster: newStoresCluster(t, namespace)}
	err := l.Google().IAM().PutPool(iam.Pool{
		Audience: "identitynamespace:" + googlePool + ":" + googleProvider, Issuer: l.issuer, Keys: l.keys,
	})
	if err != nil {
		t.Fatal(err)
	}
	d := l.driverOf(t, l.endpoint, l.credentials)
	l.client = &backend.Client{Drivers: map[plan.Backend]driver.Driver{backends.GCPSecretManager: d}}
	l.put(t, secretmanager.Secret{Name: "team0-a", String: planted})
	return l
}

func (l *googleStores) reads(t *testing.T, when string, store plan.Store, want string) {
	t.Helper()
	got := saidOf(t, l.client, plan.Source{Store: store, Read: googleRead("team0-a")})
	if !strings.HasPrefix(got, want) {
		t.Errorf("%s: got %s\nwant %s…", when, got, want)
	}
}

// key makes a key of an account, as a Secret has it.
func (l *googleStores) newKey(t *testing.T, email string) string {
	t.Helper()
	text, err := l.Google().IAM().NewKey(email, l.url+google.TokenPath)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestGoogleKeyOfASecret reads by a service account's key, and goes on when it is rotated, without a watch.
func TestGoogleKeyOfASecret(t *testing.T) {
	l := newGoogleStores(t, "google-keys")
	store := googleStore("team0")
	store.Credential = l.inSecret("login", "key.json")
	l.reads(t, "before there is a Secret", store,
		"unauthenticated: no credentials: Secret google-keys/login does not exist; create it, or correct its name in the store")
	first := l.newKey(t, googleReader)
	l.secret(t, "login", map[string]string{"key.json": first + "\n"})
	l.reads(t, "with the Secret", store, planted)
	if err := l.Google().IAM().RemoveKeys(googleReader); err != nil {
		t.Fatal(err)
	}
	l.reads(t, "with a key that was deleted", store, "unauthenticated: Request had invalid authentication credentials")
	l.secret(t, "login", map[string]string{"key.json": l.newKey(t, googleReader)})
	l.reads(t, "with the new one", store, planted)
}

// TestGoogleCredentialFilesThatAreNoKeys would have the syncer ask a server, read its files or start a program for a tenant.
func TestGoogleCredentialFilesThatAreNoKeys(t *testing.T) {
	l := newGoogleStores(t, "google-files")
	const from = "unauthenticated: no credentials: the credential is "
	files := map[string]struct{ text, want string }{
		"url": {
			`{"type":"external_account","audience":"a","subject_token_type":"t","token_url":"` + l.url + `/google/sts/token",` +
				`"credential_source":{"url":"` + l.url + `/computeMetadata/v1/"}}`, from + "of type external_account, which is not taken from a Secret: "},
		"file":       {`{"type":"external_account","credential_source":{"file":"/var/run/secrets/kubernetes.io/serviceaccount/token"}}`, from + "of type external_account, "},
		"executable": {`{"type":"external_account","credential_source":{"executable":{"command":"/bin/canary"}}}`, from + "of type external_account, "},
		"user":       {`{"type":"authorized_user","client_id":"c","client_secret":"canary","refresh_token":"canary"}`, from + "of type authorized_user, "},
		"acting":     {`{"type":"impersonated_service_account","service_account_impersonation_url":"` + l.url + `"}`, from + "of type impersonated_service_account, "},
		"other":      {`{"type":"canary"}`, from + "no key of a service account; write that key, as JSON, into the Secret"},
		"text":       {`canary`, from + "no key of a service account; "},
		"keyless":    {`{"type":"service_account","client_email":"a@b","private_key":"canary"}`, from + "no key of a service account; "},
	}
	values := map[string]string{}
	for name, file := range files {
		values[name] = file.text
	}
	l.secret(t, "login", values)
	before := l.Counters().Sum(counter.Key{})
	for name, file := range files {
		store := googleStore("team0")
		store.Credential = l.inSecret("login", name)
		l.reads(t, name, store, file.want)
		if got := saidOf(t, l.client, plan.Source{Store: store, Read: googleRead("team0-a")}); strings.Contains(got, "canary") {
			t.Errorf("%s: the error quotes the Secret", name)
		}
	}
	if n := l.Counters().Sum(counter.Key{}) - before; n != 0 {
		t.Errorf("%d calls were made, want none", n)
	}
}

// TestGoogleTokenOfAServiceAccount exchanges a token of a ServiceAccount for one of Google's, and that for one of the service account which
// its annotation named when the store was judged.
func TestGoogleTokenOfAServiceAccount(t *testing.T) {
	const namespace = "google-accounts"
	l := newGoogleStores(t, namespace)
	acting := googleStore("team0")
	acting.Method, acting.Mount, acting.Role = backends.GCPWorkloadIdentity, googleProvider, googleReader
	acting.Credential, acting.Login.RoleFrom = l.tokenOf("reader", googlePool), l.annotationOf("reader", googleAnnotation)
	itself := acting
	itself.Role, itself.Login.RoleFrom = "", plan.Credential{}
	const principal = "serviceAccount:" + googlePool + "[" + namespace + "/reader]"
	l.annotate(t, "reader", googleAnnotation, googleReader)
	l.reads(t, "before the syncer may request a token", itself, "unauthenticated: no credentials: the syncer may not request a token of ServiceAccount "+
		namespace+"/reader; bind to the syncer's ServiceAccount, in namespace "+namespace+`, a Role with the rule `+
		`{apiGroups: [""], resources: [serviceaccounts/token], resourceNames: [reader], verbs: [create]}`)
	l.account(t, "reader", googleAnnotation, googleReader)
	l.reads(t, "a ServiceAccount that may read nothing", itself, "denied: Permission 'secretmanager.versions.access' denied for resource "+
		"'projects/team0/secrets/team0-a' (or it may not exist); give ServiceAccount "+namespace+"/reader the role roles/secretmanager.secretAccessor")
	l.reads(t, "one that may not act as the service account", acting, "denied: no credentials: "+l.endpoint+
		" answered the request for a token with HTTP status 403; let ServiceAccount "+namespace+"/reader act as "+googleReader+
		": give "+principal+" the role roles/iam.workloadIdentityUser on that")
	grant := func(allow permission.Allow) {
		t.Helper()
		if err := l.Google().IAM().PutAccount(iam.Account{Email: principal, Permissions: permission.Set{allow}}); err != nil {
			t.Fatal(err)
		}
	}
	grant(permission.Allow{Actions: []string{google.ActAs}, Resources: []string{"projects/-/serviceAccounts/" + googleReader}})
	l.reads(t, "one that may", acting, planted)
	l.reads(t, "the ServiceAccount itself, which may act and not read", itself, "denied: Permission ")
	grant(readGoogle("projects/team0/secrets/team0-*"))
	l.reads(t, "the ServiceAccount itself, which may read", itself, planted)

	for name, test := range map[string]struct {
		change func(*plan.Store)
		want   string
	}{
		"another pool": {func(s *plan.Store) { s.Credential = l.tokenOf("reader", "other.svc.id.goog") },
			"unauthenticated: no credentials: " + l.endpoint + " answered the request for a token with HTTP status 400; check that the project, the location"},
		"another cluster": {func(s *plan.Store) { s.Mount += "-other" },
			"unauthenticated: no credentials: " + l.endpoint + " answered the request for a token with HTTP status 400; "},
		"a provider that is no URL": {func(s *plan.Store) { s.Mount = "https://evil.example/?" }, "invalid: the store does not name the workload identity pool"},
		"two pools":                 {func(s *plan.Store) { s.Credential = l.tokenOf("reader", googlePool, "vault") }, "invalid: the store does not name the workload identity pool"},
		"no pool":                   {func(s *plan.Store) { s.Credential = l.tokenOf("reader") }, "invalid: the store does not name the workload identity pool"},
		"the API server in place of a pool": {func(s *plan.Store) { s.Credential = l.tokenOf("reader", l.issuer) },
			"invalid: no credentials: a token for the audience " + l.issuer + " would let the backend act in the cluster"},
		"another ServiceAccount": {func(s *plan.Store) { s.Credential = l.tokenOf("stranger", googlePool) },
			"unauthenticated: no credentials: the syncer may not request a token of ServiceAccount " + namespace + "/stranger; "},
		"no method":                  {func(s *plan.Store) { s.Method = "" }, "invalid: the store logs in by a method that its credential is not for"},
		"no project":                 {func(s *plan.Store) { s.Container = "" }, "invalid: the store names no project, beside a credential of its own"},
		"a tenant":                   {func(s *plan.Store) { s.Login.Directory = "d" }, "invalid: the store says more of its login than the method uses"},
		"a host":                     {func(s *plan.Store) { s.Location = "evil.example/" }, "invalid: the store names a region that is none"},
		"an annotation, and no role": {func(s *plan.Store) { s.Login.RoleFrom = acting.Login.RoleFrom }, "invalid: the store says more of its login"},
	} {
		store := itself
		test.change(&store)
		l.reads(t, name, store, test.want)
	}

	given := func() int { return l.Google().IAM().Minted(googleReader) }
	before := given()
	l.annotate(t, "reader", googleAnnotation, "other@team0.iam.gserviceaccount.com")
	l.reads(t, "with the token from before the change", acting, planted)
	l.Google().ExpireTokens()
	l.reads(t, "after the annotation has changed", acting, "denied: no credentials: the role of ServiceAccount "+namespace+
		"/reader has changed since it was judged: it is judged again at the next attempt; ")
	if n := given() - before; n != 0 {
		t.Errorf("%d tokens were given after the annotation has changed, want none", n)
	}
}
