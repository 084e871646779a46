// Package peer has two services of an installation prove to each other over TLS who they are, without a CA, and without a key that is
// stored. Each process makes a key, which never leaves its memory, and publishes a certificate of it in a ConfigMap. Its service alone may
// write this ConfigMap, and the other one reads it: what is trusted is the RBAC of both. A certificate lives for an hour.
//
//	peer.go       one end: what it publishes, and whom it trusts
//	published.go  what a ConfigMap holds
//	tls.go        how both ends speak TLS
package peer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// refreshEvery is how often the ConfigMaps are read: one that was emptied is filled again within it, and what was taken out of one opens
	// no connection after it.
	refreshEvery = time.Minute
	retryEvery   = 5 * time.Second
	// rereadEvery bounds how often they are read for a certificate that is not known, which any client can show.
	rereadEvery = time.Second
	rereadTime  = time.Second
)

// ConfigMaps are those of the installation's namespace. Client-go's implement it.
type ConfigMaps interface {
	Get(ctx context.Context, name string, options metav1.GetOptions) (*corev1.ConfigMap, error)
	Update(ctx context.Context, configMap *corev1.ConfigMap, options metav1.UpdateOptions) (*corev1.ConfigMap, error)
}

// Peer is one end, in one process. Its fields may not be changed once it is in use.
type Peer struct {
	ConfigMaps ConfigMaps
	Own        string           // the ConfigMap that this service publishes its certificates in; it must exist
	Other      string           // that of the service at the other end
	Now        func() time.Time // nil: time.Now

	mu      sync.Mutex
	own     *tls.Certificate // that is published
	trusted []*x509.Certificate

	rereading sync.Mutex // held while the other's ConfigMap is read for a certificate that is not known
	reread    time.Time  // when that last ended
}

// Run keeps the certificate of this process published, and follows those of the other service, until ctx ends. It calls report with why it
// cannot, once for each reason, and with nil once it can again.
func (p *Peer) Run(ctx context.Context, report func(error)) {
	said := ""
	for {
		err, wait := p.Refresh(ctx), refreshEvery
		if ctx.Err() != nil {
			return
		}
		now := ""
		if err != nil {
			now, wait = err.Error(), retryEvery
		}
		if now != said {
			report(err)
			said = now
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// Refresh does once what Run does again and again.
func (p *Peer) Refresh(ctx context.Context) error {
	return errors.Join(p.publish(ctx), p.read(ctx))
}

// publish puts the certificate of this process into the service's ConfigMap. A new one is used once it is there.
func (p *Peer) publish(ctx context.Context) error {
	const rounds = 5 // more of them are lost races
	now, own := p.now(), p.current()
	if own == nil || due(own.Leaf, now) {
		var err error
		if own, err = issue(p.Own, now); err != nil {
			return err
		}
	}
	for range rounds {
		found, err := p.ConfigMaps.Get(ctx, p.Own, metav1.GetOptions{})
		if err != nil {
			return explain("read", p.Own, err)
		}
		data, changed := with(found.Data, own.Leaf, now)
		if changed {
			found.Data = data
			_, err = p.ConfigMaps.Update(ctx, found, metav1.UpdateOptions{})
		}
		switch {
		case err == nil:
			p.mu.Lock()
			p.own = own
			p.mu.Unlock()
			return nil
		case !apierrors.IsConflict(err):
			return explain("update", p.Own, err)
		}
	}
	return fmt.Errorf("update ConfigMap %s: it changes faster than it can be read", p.Own)
}

// read learns whom to trust.
func (p *Peer) read(ctx context.Context) error {
	found, err := p.ConfigMaps.Get(ctx, p.Other, metav1.GetOptions{})
	if err != nil {
		return explain("read", p.Other, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trusted = certificatesOf(found.Data)
	return nil
}

func explain(verb, name string, err error) error {
	remedy := ""
	switch {
	case apierrors.IsNotFound(err):
		remedy = ": the manifests provide it, empty: apply them again"
	case apierrors.IsForbidden(err):
		remedy = ": a Role must allow this service's ServiceAccount to get the ConfigMaps of both services, and to update its own, by name"
	}
	return fmt.Errorf("%s ConfigMap %s, by which services prove who they are: %w%s", verb, name, err, remedy)
}

func (p *Peer) current() *tls.Certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.own
}

func (p *Peer) now() time.Time {
	if p.Now == nil {
		return time.Now()
	}
	return p.Now()
}
