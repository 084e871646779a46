package integration

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/syncer/backend/azurekeyvault"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/entra"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/keyvault"
)

// clearAzure leaves no credential in the environment.
func clearAzure(t *testing.T) {
	t.Helper()
	for _, name := range azureCredentials() {
		t.Setenv(name, "")
	}
}

// TestAzureWorkloadIdentity is how pods on AKS prove who they are: by a token in a file, which kubelet replaces.
func TestAzureWorkloadIdentity(t *testing.T) {
	const id = "5ec4e79a-0000-4000-8000-0000000000b1"
	l, c := startAzure(t), newCluster(t)
	l.put(t, "pods", keyvault.Secret{Name: "a", Value: "planted"})
	_, err := l.Azure().Entra().PutApp(entra.App{
		ClientID: id, Permissions: azure.MayRead("pods", "*"),
		Federated: []entra.Federated{{Issuer: podIssuer, Subject: podSubject, Keys: c.keys}},
	})
	if err != nil {
		t.Fatal(err)
	}
	clearAzure(t)
	t.Setenv("AZURE_TENANT_ID", azure.Tenant)
	t.Setenv("AZURE_CLIENT_ID", id)
	t.Setenv("AZURE_FEDERATED_TOKEN_FILE", c.file)
	d := l.driver(t, l.url, azurekeyvault.Config{})
	got := []string{readAzure(t, d, "pods", "a")} // no file yet
	c.writes(t, podSubject, entra.Audience, -time.Minute)
	got = append(got, readAzure(t, d, "pods", "a"))
	c.writes(t, podSubject, entra.Audience, time.Hour)
	got = append(got, readAzure(t, d, "pods", "a"))
	if diff := cmp.Diff([]string{"unauthenticated", "unauthenticated", "planted"}, got); diff != "" {
		t.Errorf("without a file, with an old token, with a new one (-want +got):\n%s", diff)
	}
}

// TestAzureCertificate proves the application by a certificate, in a file with its key.
func TestAzureCertificate(t *testing.T) {
	const id = "5ec4e79a-0000-4000-8000-0000000000d1"
	l := startAzure(t)
	l.put(t, "certified", keyvault.Secret{Name: "a", Value: "planted"})
	file := func() (path string, key *rsa.PrivateKey) {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
		certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
			pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
		path = filepath.Join(t.TempDir(), "certificate.pem")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path, key
	}
	known, key := file()
	unknown, _ := file()
	_, err := l.Azure().Entra().PutApp(entra.App{
		ClientID: id, Permissions: azure.MayRead("certified", "*"),
		Certificates: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), Algorithm: "PS256"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{known: "planted", unknown: "unauthenticated", "none.pem": "unauthenticated"} {
		clearAzure(t)
		t.Setenv("AZURE_TENANT_ID", azure.Tenant)
		t.Setenv("AZURE_CLIENT_ID", id)
		t.Setenv("AZURE_CLIENT_CERTIFICATE_PATH", path)
		if got := readAzure(t, l.driver(t, l.url, azurekeyvault.Config{}), "certified", "a"); got != want {
			t.Errorf("%s: got %q, want %q", filepath.Base(path), got, want)
		}
	}
}

func TestAzureManagedIdentity(t *testing.T) {
	const assigned = "5ec4e79a-0000-4000-8000-0000000000c2"
	l := startAzure(t)
	l.put(t, "machines", keyvault.Secret{Name: "a", Value: "planted"})
	for _, app := range []entra.App{
		{ClientID: "5ec4e79a-0000-4000-8000-0000000000c1", Managed: "system"},
		{ClientID: assigned, Managed: "user", Permissions: azure.MayRead("machines", "*")},
	} {
		if _, err := l.Azure().Entra().PutApp(app); err != nil {
			t.Fatal(err)
		}
	}
	appService := map[string]string{"IDENTITY_ENDPOINT": l.url + azure.IdentityPath, "IDENTITY_HEADER": l.Azure().IdentityHeader()}
	machine := map[string]string{"AZURE_POD_IDENTITY_AUTHORITY_HOST": l.url}
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, c := range map[string]struct {
		env  map[string]string
		id   string
		want string
	}{
		"in App Service, a user-assigned identity":               {appService, assigned, "planted"},
		"in App Service, the system-assigned identity":           {appService, "", "denied"},
		"in App Service, an identity that is not assigned":       {appService, azure.LabClientID, "unauthenticated"},
		"in App Service, with the header of another machine":     {map[string]string{"IDENTITY_ENDPOINT": l.url + azure.IdentityPath, "IDENTITY_HEADER": "x"}, assigned, "unauthenticated"},
		"in App Service, while the endpoint is gone":             {map[string]string{"IDENTITY_ENDPOINT": gone.URL, "IDENTITY_HEADER": "x"}, assigned, "unavailable"},
		"in a virtual machine, a user-assigned identity":         {machine, assigned, "planted"},
		"in a virtual machine, the system-assigned identity":     {machine, "", "denied"},
		"in a virtual machine, an identity that is not assigned": {machine, azure.LabClientID, "unauthenticated"},
		"where there is none at all":                             {map[string]string{"AZURE_POD_IDENTITY_AUTHORITY_HOST": gone.URL}, "", "unauthenticated"},
	} {
		t.Run(name, func(t *testing.T) {
			clearAzure(t)
			t.Setenv("AZURE_CLIENT_ID", c.id)
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			if got := readAzure(t, l.driver(t, l.url, azurekeyvault.Config{}), "machines", "a"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
