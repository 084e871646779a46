package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/cert-manager/cert-manager/pkg/util/pki"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// verdictLife: the probe port is open to the whole cluster, so an answer is good for a moment.
	verdictLife = 2 * time.Second
	// handshakeTime is well below a kubelet's usual patience.
	handshakeTime = 800 * time.Millisecond
	// readTime leaves time for handshakes, within the 4 seconds that a kubelet has for us. An API server whose node is lost
	// does not refuse to answer: it says nothing, until its connection is given up after 45 seconds.
	readTime = 2 * time.Second
)

// probe answers whether API servers can complete a handshake with this replica.
type probe struct {
	api           client.Reader
	configuration string
	address       string
	clients       *Clients // nil: the listener demands no certificate
	serving       func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	trouble       func() error           // why there is no certificate
	bundle        func() ([]byte, error) // nil, or gives a bundle that goes before the configurations'
	systemRoots   bool                   // an empty caBundle is meant: API servers trust the system's roots
	remedy        string                 // for a bundle that does not fit

	mu      sync.Mutex
	asked   time.Time
	verdict error
	last    []configuration // should the API server not answer
}

func (p *probe) check(ctx context.Context) error {
	// Costs nothing, and is not to keep a replica from being ready once it has one.
	if _, err := p.serving(nil); err != nil {
		return errors.Join(fmt.Errorf("no serving certificate yet (the log may say more): %w", err), p.trouble())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.asked.IsZero() && time.Since(p.asked) < verdictLife {
		return p.verdict
	}
	p.verdict = p.examine(ctx)
	p.asked = time.Now()
	return p.verdict
}

func (p *probe) examine(ctx context.Context) error {
	configurations, err := p.configurations(ctx)
	if err != nil {
		return err
	}
	var own []byte
	if p.bundle != nil {
		if own, err = p.bundle(); err != nil {
			return fmt.Errorf("read the CA bundle: %w", err)
		}
	}
	type trial struct{ bundle, host string }
	var tried []trial
	var problems []error
	for _, c := range configurations {
		for _, e := range c.entries {
			bundle := e.client.CABundle
			if len(own) > 0 {
				bundle = own
			}
			host, err := serverName(e)
			this := trial{string(bundle), host}
			if err == nil && !slices.Contains(tried, this) {
				tried = append(tried, this)
				err = p.handshake(ctx, bundle, host)
			}
			if err != nil {
				problems = append(problems, fmt.Errorf("%s %q, webhook %q: %w", c.kind, c.object.GetName(), e.name, err))
			}
		}
	}
	return errors.Join(problems...)
}

// configurations falls back on the last ones read: were readiness to fail with the API server, all replicas would leave
// the Service at once and be missing when it is back. That one does not exist is an answer, though.
func (p *probe) configurations(ctx context.Context) ([]configuration, error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	found, absent, err := readConfigurations(ctx, p.api, p.configuration)
	switch {
	case err != nil && p.last != nil:
		return p.last, nil
	case err != nil:
		return nil, err
	case absent != nil:
		return nil, absent
	}
	p.last = found
	return found, nil
}

// serverName is the name under which an API server addresses the webhook.
func serverName(e entry) (string, error) {
	switch {
	case e.client.Service != nil:
		return e.client.Service.Name + "." + e.client.Service.Namespace + ".svc", nil
	case e.client.URL != nil:
		address, err := url.Parse(*e.client.URL)
		if err != nil || address.Hostname() == "" {
			return "", errors.New("clientConfig.url has no host: correct the configuration")
		}
		return address.Hostname(), nil
	}
	return "", errors.New("clientConfig has neither service nor url: correct the configuration")
}

func (p *probe) handshake(ctx context.Context, bundle []byte, host string) error {
	var roots *x509.CertPool // nil: the system's
	if len(bundle) == 0 && !p.systemRoots {
		return errors.Join(fmt.Errorf("carries no CA bundle: %s", p.remedy), p.trouble())
	}
	if len(bundle) > 0 {
		certificates, err := pki.DecodeX509CertificateSetBytes(bundle)
		if err != nil {
			return fmt.Errorf("the CA bundle holds no certificates in PEM: %s", p.remedy)
		}
		roots = x509.NewCertPool()
		for _, certificate := range certificates {
			roots.AddCert(certificate)
		}
	}
	config := &tls.Config{RootCAs: roots, ServerName: host, MinVersion: tls.VersionTLS12}
	if p.clients != nil {
		config.Certificates = []tls.Certificate{p.clients.own}
	}
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: handshakeTime}, Config: config}
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	connection, err := dialer.DialContext(ctx, "tcp", p.address)
	if err != nil {
		return p.explain(err, host)
	}
	return connection.Close()
}

func (p *probe) explain(err error, host string) error {
	var name x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var dial *net.OpError
	switch {
	case errors.As(err, &name):
		return fmt.Errorf("the serving certificate is not for %q: %w: add the name (--tls-names, or the Certificate's dnsNames)", host, err)
	case errors.As(err, &unknown):
		return fmt.Errorf("the CA bundle does not verify the serving certificate: %w: %s", err, p.remedy)
	case errors.As(err, &dial) && dial.Op == "dial":
		return fmt.Errorf("nothing listens on %s: %w", p.address, err)
	}
	return fmt.Errorf("TLS handshake with %s as %q: %w", p.address, host, err)
}
