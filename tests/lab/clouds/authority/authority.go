// Package authority is the lab's certificate authority. It lives in memory and ends with the process; only clients that talk to an
// emulated cloud by TLS are told to trust it (NODE_EXTRA_CA_CERTS).
package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"sync"
	"time"
)

// life is longer than any lab's.
const life = 10 * 365 * 24 * time.Hour

// Authority signs certificates of servers.
type Authority struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
	der         []byte

	mu     sync.Mutex
	issued map[string]*tls.Certificate
}

// New makes an authority with a key of its own.
func New() (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := draft("Secretgate lab CA")
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Authority{key: key, certificate: certificate, der: der, issued: map[string]*tls.Certificate{}}, nil
}

// PEM is the authority's certificate, as CA bundles have it.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.der})
}

// Issue returns a certificate for a server of this name, which may be an IP address. The same name gets the same one.
func (a *Authority) Issue(name string) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known, ok := a.issued[name]; ok {
		return known, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := draft(name)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("no certificate for %q: %w", name, err)
	}
	a.issued[name] = &tls.Certificate{Certificate: [][]byte{der, a.der}, PrivateKey: key}
	return a.issued[name], nil
}

// draft is what all certificates have.
func draft(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // never fails
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		// A clock that is a little behind must not refuse it.
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(life),
	}
}
