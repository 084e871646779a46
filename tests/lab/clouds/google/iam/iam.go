// Package iam holds the identities of the emulated Google Cloud: service accounts with keys, the access tokens that are
// minted for them, and the workload identity pools whose tokens are exchanged for such.
package iam

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"regexp"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

// Account is a service account, or a federated identity where Email is its principal://….
type Account struct {
	// Of a cluster's ServiceAccount it is serviceAccount:<pool>[<namespace>/<name>].
	Email string `json:"email"`
	// Permissions grant actions such as secretmanager.versions.access on projects/<id>/secrets/<name>; * and ? work.
	Permissions permission.Set `json:"permissions"`
	// Keys are the ids of its keys, listed only.
	Keys []string `json:"keys,omitempty"`
}

// Pool is a workload identity pool's provider: whose tokens it takes, signed by which keys.
type Pool struct {
	// Audience is //iam.googleapis.com/projects/<number>/locations/global/workloadIdentityPools/<pool>/providers/<provider>, or of a cluster
	// identitynamespace:<project>.svc.id.goog:https://container.googleapis.com/v1/projects/<project>/locations/<location>/clusters/<name>.
	Audience string             `json:"audience"`
	Issuer   string             `json:"issuer"`
	Keys     jose.JSONWebKeySet `json:"jwks"`
}

// Scope is the one that the services ask for.
const Scope = "https://www.googleapis.com/auth/cloud-platform"

// TokenLife is how long access tokens live.
const TokenLife = time.Hour

// keyFile is a service account's key as Google hands it out.
type keyFile struct {
	Type         string `json:"type"`
	ProjectID    string `json:"project_id"`
	PrivateKeyID string `json:"private_key_id"`
	PrivateKey   string `json:"private_key"`
	ClientEmail  string `json:"client_email"`
	ClientID     string `json:"client_id"`
	TokenURI     string `json:"token_uri"`
	Universe     string `json:"universe_domain"`
}

var emailForm = regexp.MustCompile(`^[a-z0-9-]+@([a-z0-9-]+)\.iam\.gserviceaccount\.com$`)

// projectOf is the project that a service account belongs to.
func projectOf(email string) (string, error) {
	found := emailForm.FindStringSubmatch(email)
	if found == nil {
		return "", fmt.Errorf("%q is no service account: write <name>@<project>.iam.gserviceaccount.com", email)
	}
	return found[1], nil
}

// NewKey makes a key for a service account and returns its file (the form of GOOGLE_APPLICATION_CREDENTIALS). It is only
// kept in public form.
func (d *Directory) NewKey(email, tokenURI string) ([]byte, error) {
	project, err := projectOf(email)
	if err != nil {
		return nil, err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	id := make([]byte, 20)
	rand.Read(id) // never fails
	file := keyFile{
		Type: "service_account", ProjectID: project, PrivateKeyID: hex.EncodeToString(id),
		PrivateKey:  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		ClientEmail: email, ClientID: "100000000000000000001", TokenURI: tokenURI, Universe: "googleapis.com",
	}
	if err := d.addKey(email, file.PrivateKeyID, &key.PublicKey); err != nil {
		return nil, err
	}
	return json.MarshalIndent(file, "", "  ")
}
