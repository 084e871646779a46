package certs

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	cmauthority "github.com/cert-manager/cert-manager/pkg/server/tls/authority"
	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// authority keeps the CA in the Secret and its certificate in the webhook configurations, and signs this replica's leaves.
// It implements the Authority of cert-manager's server/tls, whose own DynamicAuthority changes CAs without an overlap.
//
// It reads the wall clock: certificates are valid by the wall clock, and so does the DynamicSource in front of it.
type authority struct {
	api           client.WithWatch
	secret        client.ObjectKey
	configuration string
	addresses     []net.IP // of the leaves; the DynamicSource knows DNS names only
	timing        Timing
	log           logr.Logger

	mu      sync.Mutex
	signing *signer             // what leaves are signed with
	readAt  time.Time           // when the Secret last said so
	known   []*x509.Certificate // what the Secret last trusted, should it get lost
	failure error               // of the last reconciliation
	waiting []chan<- struct{}   // notified when signing changes
}

// reconcile brings Secret, configurations and this replica in line, one step at a time.
func (a *authority) reconcile(ctx context.Context) error {
	const rounds = 8 // the longest way is three; more of them are lost races
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()

	err := fmt.Errorf("the Secret %s or the webhook configurations change faster than they can be read", a.secret)
	for range rounds {
		done, failure := a.advance(ctx, time.Now())
		if done || failure != nil {
			err = failure
			break
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failure = err
	return err
}

// advance makes one step; the caller repeats it until done.
//
// The configurations are read before the Secret, and written only in the version that was read. So no replica can put an
// older bundle over a newer one: a replica that read the configuration after the newer bundle was in it also read the newer Secret.
func (a *authority) advance(ctx context.Context, now time.Time) (done bool, err error) {
	configurations, absent, err := readConfigurations(ctx, a.api, a.configuration)
	if err != nil {
		return false, err
	}
	secret := &corev1.Secret{}
	if err := a.api.Get(ctx, a.secret, secret); err != nil {
		return false, a.explain("read", err)
	}
	s, damage := decode(secret.Data)
	bundle := s.bundle()

	published := absent == nil && !slices.ContainsFunc(configurations, func(c configuration) bool { return !c.carries(bundle) })
	if action := decide(s, len(damage.problems) > 0, published, now, a.timing); action != stay {
		if len(damage.problems) > 0 {
			a.log.Error(nil, "The Secret of the webhook's CA is damaged", "secret", a.secret.String(),
				"problems", damage.problems, "action", string(action))
		}
		return false, a.write(ctx, secret, s, action, damage.salvaged, now)
	}

	a.use(s, published, now)
	for _, c := range configurations {
		changed, err := publish(ctx, a.api, c, bundle)
		if apierrors.IsConflict(err) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if changed {
			a.log.Info("Published the CA", "kind", c.kind, "name", c.object.GetName(), "certificates", len(s.trusted()))
		}
	}
	// A configuration that does not exist has no reader to learn of the bundle; readiness reports it.
	a.use(s, true, now)
	return true, nil
}

// write takes the step in the Secret. Having lost a race is no error: the winner's step is as good.
func (a *authority) write(ctx context.Context, secret *corev1.Secret, s state, action step, salvaged []*x509.Certificate,
	now time.Time) error {
	var fresh *signer
	var err error
	if action.makesCA() {
		if fresh, err = newSigner(now, a.timing.CALife); err != nil {
			return err
		}
	}
	a.mu.Lock()
	known := slices.Concat(salvaged, a.known)
	a.mu.Unlock()
	// The Secret as read carries its resourceVersion, so the update is refused if another replica was faster.
	if secret.Data, err = encode(secret.Data, s.take(action, fresh, known, now, a.timing)); err != nil {
		return err
	}
	err = a.api.Update(ctx, secret, client.FieldOwner(fieldManager))
	if apierrors.IsConflict(err) {
		return nil
	}
	if err != nil {
		return a.explain("update", err)
	}
	a.log.Info("CA rotation", "secret", a.secret.String(), "step", string(action))
	return nil
}

func (a *authority) explain(verb string, err error) error {
	remedy := ""
	switch {
	case apierrors.IsNotFound(err):
		// It is not created here: the right to create Secrets would let the webhook mint service-account tokens.
		remedy = ": kustomize/base/webhook provides it, empty; apply that"
	case apierrors.IsForbidden(err):
		remedy = ": the Role of the webhook's ServiceAccount must allow get and update on it by name"
	}
	return fmt.Errorf("%s Secret %s: %w%s", verb, a.secret, err, remedy)
}

// use notes what the Secret says and what this replica signs with now.
func (a *authority) use(s state, published bool, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	chosen, wanted := s.choose(a.signing, published, now)
	if !wanted {
		return
	}
	changed := !a.signing.same(chosen)
	a.signing, a.readAt, a.known = chosen, now, s.trusted()
	if !changed {
		return
	}
	for _, channel := range a.waiting {
		select {
		case channel <- struct{}{}:
		default: // it has a notice that it has not read yet
		}
	}
}

// Sign is called for each new leaf of this replica. It refuses if the Secret could not be read for so long that another
// replica may have switched to a new CA and dropped ours: Timing.retention counts on it.
func (a *authority) Sign(template *x509.Certificate) (*x509.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if a.signing == nil {
		return nil, cmauthority.ErrCertificateNotAvailable
	}
	if now.Sub(a.readAt) > a.timing.Propagation {
		stale := fmt.Errorf("the CA was last confirmed at %s, too long ago to sign with it", a.readAt.UTC().Format(time.RFC3339))
		return nil, errors.Join(stale, a.failure)
	}
	template.IPAddresses = a.addresses
	return a.signing.sign(template, now, a.timing.LeafLife)
}

// WatchRotation registers a buffered channel that is notified when the signing CA changes.
func (a *authority) WatchRotation(channel chan<- struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = append(a.waiting, channel)
}

// StopWatchingRotation undoes WatchRotation.
func (a *authority) StopWatchingRotation(channel chan<- struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = slices.DeleteFunc(a.waiting, func(other chan<- struct{}) bool { return other == channel })
}

func (a *authority) certificates() []*x509.Certificate {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.signing == nil {
		return nil
	}
	return []*x509.Certificate{a.signing.cert}
}

func (a *authority) trouble() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failure
}
