package credential

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
	"k8s.io/client-go/rest"
)

// Reserved lists the audiences whose tokens may be the API server's own. These are the names by which API servers usually go, and the
// issuer and the audiences of the token by which the syncer is known to its API server: the kubelet and kubectl have it made for all
// audiences of the API server (--api-audiences; without that flag, the issuer). The token is taken at its word, as only the
// cluster gives it to the syncer. Where it is no JWT, or empty, as with a client certificate, the usual names are all that is known.
func Reserved(own string) []string {
	usual := []string{
		"https://kubernetes.default.svc.cluster.local", "https://kubernetes.default.svc", "https://kubernetes.default",
		"kubernetes.default.svc.cluster.local", "kubernetes.default.svc", "kubernetes.default",
	}
	var claims jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(strings.TrimSpace(own), &claims); err != nil {
		return usual
	}
	return slices.Concat(usual, claims.Audience, []string{claims.Issuer})
}

// ownToken is what the syncer proves to the API server with who it is; empty where that is no token. Of a file it is what the file
// holds now: the tokens that take its place have the same audiences.
func ownToken(config *rest.Config) (string, error) {
	if config.BearerTokenFile == "" {
		return config.BearerToken, nil
	}
	text, err := os.ReadFile(config.BearerTokenFile)
	if err != nil {
		return "", fmt.Errorf("the syncer's own token cannot be read: %w", err)
	}
	return string(text), nil
}
