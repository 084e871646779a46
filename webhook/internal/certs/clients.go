package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/cert-manager/cert-manager/pkg/util/pki"
)

// Clients are the callers that the webhook answers: they have a certificate of a CA, and one of some names. Else any pod that reaches
// the port can ask what a namespace's patterns are, and keep the webhook busy.
type Clients struct {
	file  string
	names []string        // common names and DNS names; none: any
	own   tls.Certificate // readiness presents it

	mu   sync.Mutex
	read []byte // what the file held when it was last good
	pool *x509.CertPool
}

// NewClients trusts the CAs of a file (PEM), which is read again at each handshake. What is not good does not replace what was.
func NewClients(file string, names []string) (*Clients, error) {
	own, err := ownClient()
	if err != nil {
		return nil, err
	}
	c := &Clients{file: file, names: names, own: own}
	if err := c.reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// Demand has a server refuse, at the handshake, any caller that is none of the clients.
func (c *Clients) Demand(config *tls.Config) *tls.Config {
	config = config.Clone()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		_ = c.reload() // the CAs that were good still count
		now := config.Clone()
		now.GetConfigForClient = nil
		now.ClientAuth, now.ClientCAs = tls.RequireAndVerifyClientCert, c.trusted()
		now.VerifyConnection = c.verify
		now.SessionTicketsDisabled = true // a CA that goes is not to live on in sessions
		return now, nil
	}
	return config
}

// reload reads the file. The error is for the start.
func (c *Clients) reload() error {
	content, err := os.ReadFile(c.file)
	if err != nil {
		return fmt.Errorf("--client-ca: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pool != nil && bytes.Equal(content, c.read) {
		return nil
	}
	authorities, err := pki.DecodeX509CertificateSetBytes(content)
	if err != nil {
		return fmt.Errorf("--client-ca: %s holds no certificates in PEM: %w", c.file, err)
	}
	pool := x509.NewCertPool()
	for _, certificate := range append(authorities, c.own.Leaf) {
		pool.AddCert(certificate)
	}
	c.read, c.pool = content, pool
	return nil
}

func (c *Clients) trusted() *x509.CertPool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pool
}

// verify judges the name of a client whose certificate is good.
func (c *Clients) verify(state tls.ConnectionState) error {
	leaf := state.PeerCertificates[0]
	named := func(name string) bool { return slices.Contains(c.names, name) }
	if len(c.names) == 0 || leaf.Equal(c.own.Leaf) || named(leaf.Subject.CommonName) || slices.ContainsFunc(leaf.DNSNames, named) {
		return nil
	}
	return fmt.Errorf("the client certificate is for %q, which --client-names does not list", leaf.Subject.CommonName)
}

// ownLife outlives any process.
const ownLife = 10 * 365 * 24 * time.Hour

// ownClient makes the certificate by which this process, and no other, asks itself whether it is ready. Its key never leaves memory.
func ownClient() (tls.Certificate, error) {
	key, err := pki.GenerateECPrivateKey(pki.ECCurve256)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make the key of readiness: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "secretgate-webhook-readiness"}, NotBefore: now.Add(-clockSkew), NotAfter: now.Add(ownLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	_, leaf, err := pki.SignCertificate(template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("sign the certificate of readiness: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}, nil
}
