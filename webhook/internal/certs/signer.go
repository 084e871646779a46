package certs

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"time"

	"github.com/cert-manager/cert-manager/pkg/util/pki"
)

// clockSkew is how far the clocks of replicas and API servers may differ: certificates begin that much in the past.
const clockSkew = 5 * time.Minute

// signer is a CA that can sign.
type signer struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func newSigner(now time.Time, life time.Duration) (*signer, error) {
	key, err := pki.GenerateECPrivateKey(pki.ECCurve384)
	if err != nil {
		return nil, fmt.Errorf("make a CA key: %w", err)
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "secretgate-webhook-ca"},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(life),
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	_, cert, err := pki.SignCertificate(template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign a CA certificate: %w", err)
	}
	return &signer{cert: cert, key: key}, nil
}

// sign never lets a leaf outlive its CA: a client would refuse the chain anyway, and renewal goes by the leaf's end.
func (s *signer) sign(template *x509.Certificate, now time.Time, life time.Duration) (*x509.Certificate, error) {
	template.BasicConstraintsValid = true
	template.NotBefore = now.Add(-clockSkew)
	template.NotAfter = now.Add(life)
	if s.cert.NotAfter.Before(template.NotAfter) {
		template.NotAfter = s.cert.NotAfter
	}
	_, leaf, err := pki.SignCertificate(template, s.cert, template.PublicKey, s.key)
	if err != nil {
		return nil, fmt.Errorf("sign a serving certificate: %w", err)
	}
	return leaf, nil
}

func (s *signer) same(other *signer) bool {
	return s != nil && other != nil && s.cert.Equal(other.cert)
}

func (s *signer) expired(now time.Time) bool { return !now.Before(s.cert.NotAfter) }

func encodeCertificates(certificates []*x509.Certificate) []byte {
	var out bytes.Buffer
	for _, certificate := range certificates {
		// Writing to a buffer cannot fail.
		_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})
	}
	return out.Bytes()
}
