package integration

import (
	"crypto/rand"
	"crypto/rsa"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Who issues the tokens of pods, and who the syncer's pod is.
const (
	podIssuer  = "https://oidc.example"
	podSubject = "system:serviceaccount:secretgate:syncer"
)

// cluster signs the tokens of pods, and keeps the syncer's in a file.
type cluster struct {
	keys   jose.JSONWebKeySet
	signer jose.Signer
	file   string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "k"))
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{
		keys:   jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}},
		signer: signer, file: filepath.Join(t.TempDir(), "token"),
	}
}

// issue returns a token of the subject.
func (c *cluster) issue(t *testing.T, subject, audience string, lifetime time.Duration) string {
	t.Helper()
	token, err := jwt.Signed(c.signer).Claims(jwt.Claims{
		Issuer: podIssuer, Subject: subject, Audience: jwt.Audience{audience}, Expiry: jwt.NewNumericDate(time.Now().Add(lifetime)),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// writes a token of the subject into the file, as the kubelet does, and returns it.
func (c *cluster) writes(t *testing.T, subject, audience string, lifetime time.Duration) string {
	t.Helper()
	token := c.issue(t, subject, audience, lifetime)
	if err := os.WriteFile(c.file, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	return token
}
