package integration

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/entra"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/keyvault"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
)

const (
	azureClient     = "5ec4e79a-0000-4000-8000-00000000e501"
	azureAnnotation = "azure.workload.identity/client-id"
)

// azureStores is an Azure that knows the lab's cluster. The syncer has no credentials of its own there.
type azureStores struct {
	*azureLab
	*storesCluster
	d      driver.Driver
	client *backend.Client
}

func newAzureStores(t *testing.T, namespace string) *azureStores {
	t.Helper()
	l := &azureStores{azureLab: startAzure(t), storesCluster: newStoresCluster(t, namespace)}
	clearAzure(t)
	l.d = l.driver(t, l.url, azurekeyvault.Config{Credentials: l.credentials})
	l.client = &backend.Client{Drivers: map[plan.Backend]driver.Driver{backends.AzureKeyVault: l.d}}
	l.put(t, "team", keyvault.Secret{Name: "a", Value: planted})
	return l
}

// app adds an application that may read the vault team.
func (l *azureStores) app(t *testing.T, app entra.App) {
	t.Helper()
	app.Permissions = append(azure.MayRead("team", "*"), azure.MayReadPublic("team", "*")...)
	if _, err := l.Azure().Entra().PutApp(app); err != nil {
		t.Fatal(err)
	}
}

// store is of the vault team.
func (l *azureStores) store(method string, by plan.Credential) plan.Store {
	return plan.Store{
		Backend: backends.AzureKeyVault, Container: "team", Address: "vault.azure.net", Method: method, Role: azureClient, Credential: by,
		Login: plan.Login{Directory: azure.Tenant},
	}
}

func (l *azureStores) reads(t *testing.T, when string, store plan.Store, want string) {
	t.Helper()
	got := saidOf(t, l.client, plan.Source{Store: store, Read: plan.Read{Key: "a"}})
	if !strings.HasPrefix(got, want) {
		t.Errorf("%s: got %s\nwant %s…", when, got, want)
	}
}

func (l *azureStores) tokens() int {
	return l.Counters().Sum(counter.Key{Service: "entra", Operation: "Token", Code: "OK"})
}

// TestAzureClientSecretOfASecret logs in as a service principal, and goes on when its secret is rotated, without a watch.
func TestAzureClientSecretOfASecret(t *testing.T) {
	l := newAzureStores(t, "azure-secrets")
	store := l.store(backends.AzureServicePrincipal, l.inSecret("login", "secret"))
	l.app(t, entra.App{ClientID: azureClient, Secret: "first-canary"})
	l.reads(t, "before there is a Secret", store,
		"unauthenticated: no login: Secret azure-secrets/login does not exist; create it, or correct its name in the store")
	l.secret(t, "login", map[string]string{"secret": "wrong-canary\n", "id": azureClient + "\n"})
	l.reads(t, "with a wrong client secret", store, "unauthenticated: no login: invalid_client: AADSTS7000215: ")
	l.secret(t, "login", map[string]string{"secret": "first-canary\n", "id": azureClient + "\n"})
	l.reads(t, "with the right one", store, planted)

	inSecret := store
	inSecret.Role, inSecret.Login.Identifier = "", l.inSecret("login", "id")
	l.reads(t, "with the client id in the Secret, too", inSecret, planted)
	missing := inSecret
	missing.Login.Identifier = l.inSecret("login", "none")
	l.reads(t, "with a key that the Secret has not", missing, "unauthenticated: no login: Secret azure-secrets/login has no key none; ")
	other := store
	other.Login.Directory = "5ec4e79a-0000-4000-8000-0000000000aa"
	l.reads(t, "in another tenant", other, "unauthenticated: no login: ClientSecretCredential isn't configured to acquire tokens for tenant")
	if got := saidOf(t, l.client, plan.Source{Store: other, Read: plan.Read{Key: "a"}}); !strings.HasSuffix(got, "; name the tenant of the vault in the store") {
		t.Errorf("in another tenant: got %s, want the remedy in the store", got)
	}

	l.app(t, entra.App{ClientID: azureClient, Secret: "second-canary"})
	l.reads(t, "with the token of the old client secret", store, planted)
	l.Azure().ExpireTokens()
	l.reads(t, "when that has ended", store, "unauthenticated: no login: invalid_client: ")
	l.secret(t, "login", map[string]string{"secret": "second-canary\n", "id": azureClient + "\n"})
	l.reads(t, "with the new client secret", store, planted)
}

// certificateOf makes a certificate and its key, as PEM.
func certificateOf(t *testing.T, name string) (text string, key jose.JSONWebKey) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})) +
			string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})),
		jose.JSONWebKey{Key: private.Public(), Algorithm: "PS256", CertificateThumbprintSHA256: sum[:]}
}

// TestAzureCertificateOfASecret logs in by a client certificate, which Entra ID knows by its thumbprint or by its name.
func TestAzureCertificateOfASecret(t *testing.T) {
	l := newAzureStores(t, "azure-certificates")
	text, key := certificateOf(t, "team.example")
	unknown, otherKey := certificateOf(t, "other.example")
	keyless, _, _ := strings.Cut(text, "-----BEGIN PRIVATE")
	l.secret(t, "login", map[string]string{"pem": text, "again": text, "unknown": unknown, "keyless": keyless, "none": "canary"})
	store := func(key string) plan.Store { return l.store(backends.AzureCertificate, l.inSecret("login", key)) }
	registered := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key}}
	l.app(t, entra.App{ClientID: azureClient, Certificates: registered})
	l.reads(t, "the certificate that is registered", store("pem"), planted)
	l.reads(t, "another certificate", store("unknown"), "unauthenticated: no login: invalid_client: AADSTS700027: ")
	for _, name := range []string{"keyless", "none"} {
		l.reads(t, name, store(name), "unauthenticated: no login: the client certificate is neither PEM nor PKCS#12 without a password, or lacks its private key; ")
	}
	mixed := key
	mixed.CertificateThumbprintSHA256 = otherKey.CertificateThumbprintSHA256
	l.app(t, entra.App{ClientID: azureClient, Certificates: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{mixed}}})
	l.Azure().ExpireTokens()
	l.reads(t, "a certificate of another thumbprint", store("pem"), "unauthenticated: no login: invalid_client: AADSTS700027: ")
	l.app(t, entra.App{ClientID: azureClient, Certificates: registered, SubjectName: "team.example"})
	l.reads(t, "a certificate that is known by its name", store("pem"), planted)
	l.app(t, entra.App{ClientID: azureClient, Certificates: registered, SubjectName: "other.example"})
	l.reads(t, "a certificate of another name", store("again"), "unauthenticated: no login: invalid_client: AADSTS700027: ")
}

// TestAzureTokenOfAServiceAccount logs in by a federated credential, as the identity that the annotation of the ServiceAccount named when
// the store was judged.
func TestAzureTokenOfAServiceAccount(t *testing.T) {
	const namespace = "azure-accounts"
	l := newAzureStores(t, namespace)
	store := l.store(backends.AzureWorkloadIdentity, l.tokenOf("reader"))
	store.Login.RoleFrom = l.annotationOf("reader", azureAnnotation)
	l.app(t, entra.App{ClientID: azureClient, Federated: []entra.Federated{{Issuer: l.issuer, Subject: l.subject("reader"), Keys: l.keys}}})
	l.annotate(t, "reader", azureAnnotation, azureClient)
	const mayNot = `bind to the syncer's ServiceAccount, in namespace ` + namespace + `, a Role with the rule `
	l.reads(t, "before the syncer may read the annotation", store, "unauthenticated: no login: the syncer may not read ServiceAccount "+namespace+"/reader; "+
		mayNot+`{apiGroups: [""], resources: [serviceaccounts], resourceNames: [reader], verbs: [get]}`)
	unannotated := store
	unannotated.Login.RoleFrom = plan.Credential{}
	l.reads(t, "before the syncer may request a token", unannotated, "unauthenticated: no login: the syncer may not request a token of ServiceAccount "+
		namespace+"/reader; "+mayNot+`{apiGroups: [""], resources: [serviceaccounts/token], resourceNames: [reader], verbs: [create]}`)
	l.account(t, "reader", azureAnnotation, azureClient)
	l.account(t, "stranger", azureAnnotation, azureClient)
	l.reads(t, "once it may", store, planted)

	stranger := store
	stranger.Credential, stranger.Login.RoleFrom = l.tokenOf("stranger"), l.annotationOf("stranger", azureAnnotation)
	l.reads(t, "another ServiceAccount with the same annotation", stranger, "unauthenticated: no login: invalid_client: AADSTS700213: ")
	audience := store
	audience.Credential = l.tokenOf("reader", "vault")
	l.reads(t, "a token for another audience", audience, "unauthenticated: no login: invalid_client: AADSTS700212: ")
	server := store
	server.Credential = l.tokenOf("reader", l.issuer) // the lab's API server takes it
	l.reads(t, "a token for the API server", server, "invalid: no login: a token for the audience "+l.issuer+" would let the backend act in the cluster")

	before := l.tokens()
	l.annotate(t, "reader", azureAnnotation, "5ec4e79a-0000-4000-8000-00000000e502")
	l.reads(t, "with the token from before the change", store, planted)
	l.Azure().ExpireTokens()
	l.reads(t, "after the annotation has changed", store, "denied: no login: the role of ServiceAccount "+namespace+
		"/reader has changed since it was judged: it is judged again at the next attempt; ")
	if n := l.tokens() - before; n != 0 {
		t.Errorf("%d tokens were given after the annotation has changed, want none", n)
	}
}

// TestAzureIdentitiesOfTheSyncer are those that stores of the cluster's admins choose.
func TestAzureIdentitiesOfTheSyncer(t *testing.T) {
	const assigned, system = azureClient, "5ec4e79a-0000-4000-8000-00000000e503"
	l := newAzureStores(t, "azure-own")
	c := newCluster(t)
	c.writes(t, podSubject, entra.Audience, time.Hour)
	l.app(t, entra.App{
		ClientID: assigned, Managed: "user", Federated: []entra.Federated{{Issuer: podIssuer, Subject: podSubject, Keys: c.keys}},
	})
	if _, err := l.Azure().Entra().PutApp(entra.App{ClientID: system, Managed: "system"}); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AZURE_CLIENT_ID", assigned)
	t.Setenv("AZURE_TENANT_ID", azure.Tenant)
	pod := plan.Store{Backend: backends.AzureKeyVault, Container: "team", Method: backends.AzureWorkloadIdentity}
	machine := plan.Store{Backend: backends.AzureKeyVault, Container: "team", Method: backends.AzureManagedIdentity, Role: assigned}
	l.reads(t, "a pod without a workload identity", pod, "unauthenticated: no login: AZURE_FEDERATED_TOKEN_FILE is not set: the syncer has no workload identity; ")
	t.Setenv("AZURE_FEDERATED_TOKEN_FILE", c.file)
	t.Setenv("AZURE_CLIENT_SECRET", "canary")
	l.reads(t, "a pod's workload identity, which goes before a client secret of the environment", pod, planted)
	named := pod
	named.Role, named.Login.Directory = system, azure.Tenant
	l.reads(t, "a pod's, as another identity", named, "unauthenticated: no login: invalid_client: AADSTS700211: ")
	t.Setenv("IDENTITY_ENDPOINT", l.url+azure.IdentityPath)
	t.Setenv("IDENTITY_HEADER", l.Azure().IdentityHeader())
	l.reads(t, "a managed identity", machine, planted)
	machine.Role = ""
	l.reads(t, "that which the system assigned, and not the one of the environment", machine, "denied: Forbidden: Caller is not authorized")
	machine.Role = azure.LabClientID
	l.reads(t, "one that is not assigned", machine, "unauthenticated: no login: ")
}
