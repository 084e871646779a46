package entra

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/secretgate/secretgate/tests/lab/clouds/webtoken"
)

// certified proves an assertion that the application signed itself, with the key of a certificate that is registered for it.
// https://learn.microsoft.com/entra/identity-platform/certificate-credentials
func (a App) certified(raw string, token webtoken.Token, now time.Time) *Refusal {
	here := func(audience string) bool { return strings.HasSuffix(audience, "/"+a.Tenant+"/oauth2/v2.0/token") }
	switch {
	case !token.SignedBy(a.Certificates), !a.registered(raw):
		return invalidClient(700027, "The certificate with identifier used to sign the client assertion is not registered on application. "+
			"[Reason - The key was not found.]")
	case !slices.ContainsFunc(token.Audience, here):
		return invalidClient(700023, "Client assertion audience claim does not match Realm issuer.")
	case token.Over(now) || token.Early(now):
		return notInTime(now)
	}
	return nil
}

// thumbprint is that of the certificate whose key signed a token, as its header has it: RFC 7515, sections 4.1.6 to 4.1.8, but in the
// base64 that Microsoft's libraries write. leaf is the certificate itself, where the chain is sent.
func thumbprint(raw string) (sum, leaf []byte, err error) {
	var header struct {
		SHA256 []byte   `json:"x5t#S256"`
		Chain  [][]byte `json:"x5c"`
	}
	text, _, _ := strings.Cut(raw, ".")
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(plain, &header)
	}
	if err != nil {
		return nil, nil, err
	}
	if len(header.Chain) > 0 {
		leaf = header.Chain[0]
	}
	return header.SHA256, leaf, nil
}

// registered reports whether the application knows the certificate that a token names: by its thumbprint, or with SubjectName by the
// certificate's subject, which takes the chain.
func (a App) registered(raw string) bool {
	sum, leaf, err := thumbprint(raw)
	if err != nil {
		return false
	}
	if a.SubjectName != "" {
		certificate, err := x509.ParseCertificate(leaf)
		return err == nil && certificate.Subject.CommonName == a.SubjectName
	}
	return slices.ContainsFunc(a.Certificates.Keys, func(key jose.JSONWebKey) bool {
		return len(key.CertificateThumbprintSHA256) == 0 || bytes.Equal(key.CertificateThumbprintSHA256, sum)
	})
}

func notInTime(now time.Time) *Refusal {
	return invalidClient(700024, "Client assertion is not within its valid time range. Current time: %s.", now.UTC().Format(time.RFC3339))
}
