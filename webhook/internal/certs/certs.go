// Package certs serves the webhook's TLS certificate in one of three ways:
//
//   - files: a directory with tls.crt and tls.key, and ca.crt if there is one;
//   - cert-manager: the same files, mounted from the Secret of a Certificate; cert-manager's cainjector fills caBundle;
//   - self-signed: a small CA of our own, kept in one Secret that exists already, published in caBundle by us.
//
// Rights (RBAC verbs), every one restricted by resourceNames:
//
//	files, cert-manager   mutatingwebhookconfigurations, validatingwebhookconfigurations: get
//	self-signed           the same: get, patch (and watch, optional: an emptied caBundle then heals in a second
//	                      instead of one poll)
//	                      secrets, in our own namespace: get, update (and watch, optional in the same way)
//
// Nothing is listed or created. Watches carry the field selector metadata.name, so resourceNames authorises them, and ask
// for metadata alone: key material is read by get only.
//
// To distrust a CA at once (its key leaked): empty the Secret, then, once a new CA is in it, remove its previous-ca.crt.
package certs

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Dependencies are what every mode needs.
type Dependencies struct {
	// API must not be cached: the order of its reads matters (see authority.advance), and a cache would list.
	API client.WithWatch
	// Configuration is the name that the mutating and the validating webhook configuration share.
	Configuration string
	// Clients may ask the webhook; nil: any client may.
	Clients *Clients
	// Address is where this process reaches its own listener, such as "127.0.0.1:9443".
	Address string
	// Log may be zero.
	Log logr.Logger
}

// Source serves a certificate. It is a controller-runtime Runnable, and Ready is a healthz.Checker.
type Source struct {
	// Expiry is to be registered: secretgate_webhook_certificate_expiry_timestamp_seconds.
	Expiry prometheus.Collector

	provider provider
	probe    *probe
	log      logr.Logger
}

// provider is one way to come by a certificate: those of cert-manager's server/tls package are.
type provider interface {
	GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error)
	Start(context.Context) error
}

// GetCertificate is for tls.Config. Before the first certificate it returns an error, and the handshake fails.
func (s *Source) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	certificate, err := s.provider.GetCertificate(hello)
	if err != nil {
		return nil, fmt.Errorf("no serving certificate yet: %w", err)
	}
	return certificate, nil
}

// Start keeps the certificate fresh until the context ends. Troubles are logged, shown by Ready and tried again; they do
// not end the process, since the certificate that it has may be good for days.
func (s *Source) Start(ctx context.Context) error {
	return s.provider.Start(logr.NewContext(ctx, s.log))
}

// NeedLeaderElection says that every replica serves.
func (s *Source) NeedLeaderElection() bool { return false }

// Ready does what an API server does: a TLS handshake with our listener, under the name and with the CA bundle that the
// webhook configurations carry at present. The error says what is wrong.
func (s *Source) Ready(request *http.Request) error {
	return s.probe.check(request.Context())
}

func (d Dependencies) check() error {
	switch {
	case d.API == nil:
		return fmt.Errorf("certificates: no API client given")
	case d.Configuration == "":
		return fmt.Errorf("certificates: the name of the webhook configurations is empty: set --webhook-configuration")
	case d.Address == "":
		return fmt.Errorf("certificates: the address of our own listener is empty")
	}
	return nil
}
