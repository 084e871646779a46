package peer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
)

// Server is how a server speaks that answers the other service, and no other client.
func (p *Peer) Server() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"}, SessionTicketsDisabled: true,
		GetCertificate:   func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.certificate() },
		ClientAuth:       tls.RequireAnyClientCert, // TLS proves that it has the key, and verify says whose the certificate is
		VerifyConnection: p.verify,
	}
}

// Client is how a client speaks that asks the other service, and no other server.
func (p *Peer) Client() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"}, ServerName: p.Other,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return p.certificate() },
		InsecureSkipVerify:   true, //nolint:gosec // there is no CA: verify takes none but certificates that the other service published
		VerifyConnection:     p.verify,
	}
}

var (
	errUnpublished = errors.New("this process has published no certificate yet, by which it proves who it is")
	errUnknown     = errors.New("the other end shows a certificate that its service has not published")
	errNone        = errors.New("the other end shows no certificate")
)

func (p *Peer) certificate() (*tls.Certificate, error) {
	if own := p.current(); own != nil {
		return own, nil
	}
	return nil, errUnpublished
}

// verify accepts what the other service has published. For what is not known, the ConfigMap is read again: a process that has just started
// is known at once.
func (p *Peer) verify(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return errNone
	}
	leaf := state.PeerCertificates[0]
	if p.trusts(leaf) {
		return nil
	}
	if err := p.readAgain(); err != nil {
		return errors.Join(errUnknown, err)
	}
	if !p.trusts(leaf) {
		return errUnknown
	}
	return nil
}

// trusts reports whether the other service has published a certificate, and it is valid now.
func (p *Peer) trusts(leaf *x509.Certificate) bool {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.trusted, leaf.Equal) && valid(leaf, now)
}

// readAgain reads the other's ConfigMap, unless that was done a moment ago. Connections that come while it is read wait for what it has.
func (p *Peer) readAgain() error {
	p.rereading.Lock()
	defer p.rereading.Unlock()
	if p.now().Sub(p.reread) < rereadEvery {
		return nil
	}
	defer func() { p.reread = p.now() }()
	ctx, cancel := context.WithTimeout(context.Background(), rereadTime)
	defer cancel()
	return p.read(ctx)
}
