package certs

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

func TestTwoReplicasRotateWithoutAFailedHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, manifests()...)
		s.start(short())
		s.start(short())
		s.pass(time.Minute, time.Minute)
		for _, r := range s.replicas {
			for _, host := range []string{serviceHost, "localhost", "127.0.0.1"} {
				if err := handshake(r.source, s.bundle(), host); err != nil {
					t.Errorf("first start, as %s: %v", host, err)
				}
			}
		}
		// Four rotations, and a replica restarted in each phase of them.
		for range 16 {
			s.pass(33*time.Hour, 30*time.Minute)
			s.leave(s.replicas[0])
			s.start(short())
		}
		// Each rotation publishes three bundles: old and new, new and old, new.
		if published := len(s.bundles); published < 9 {
			t.Errorf("only %d different bundles were published in 22 days", published)
		}
		if strings.Contains(s.log.String(), "not in order") || strings.Contains(s.log.String(), "damaged") {
			t.Errorf("troubles were logged:\n%s", s.log.String())
		}
	})
}

func TestLostCAIsReplacedWithoutAFailedHandshake(t *testing.T) {
	other, err := newSigner(time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := encode(nil, state{signer: other})
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]map[string][]byte{
		"the key is garbage":         {"ca.key": []byte("garbage")},
		"the key is another CA's":    {"ca.key": foreign["ca.key"]},
		"the certificate is garbage": {"ca.crt": []byte("garbage")},
		"everything is garbage": {
			"ca.crt": []byte("garbage"), "ca.key": []byte("garbage"), "next-ca.crt": []byte("garbage"), "previous-ca.crt": []byte("garbage"),
		},
		"the Secret was emptied":   nil,
		"only the key was deleted": {"ca.key": nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, manifests()...)
				s.start(short())
				s.start(short())
				s.pass(time.Hour, time.Hour)
				before := s.data()
				damaged := map[string][]byte{}
				if change != nil {
					damaged["ca.crt"], damaged["ca.key"] = before["ca.crt"], before["ca.key"]
				}
				maps.Copy(damaged, change)
				s.overwrite(damaged)
				s.pass(5*time.Second, time.Second)
				if _, damage := decode(s.data()); len(damage.problems) > 0 {
					t.Errorf("five seconds later the Secret is still damaged: %q", damage.problems)
				}
				s.pass(4*24*time.Hour, 30*time.Minute)
				after, _ := decode(s.data())
				if after.signer == nil || bytes.Equal(s.data()["ca.crt"], before["ca.crt"]) {
					t.Fatal("four days later the lost CA has no successor that signs")
				}
				if !bytes.Equal(s.bundle(), encodeCertificates([]*x509.Certificate{after.signer.cert})) {
					t.Error("four days later the lost CA is still published")
				}
				if change != nil && !strings.Contains(s.log.String(), "is damaged") {
					t.Error("the damage was not reported")
				}
				if strings.Contains(s.log.String(), "PRIVATE KEY") {
					t.Error("key material was logged")
				}
			})
		})
	}
}

func TestReplicaThatStartsOnACorruptSecretServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, manifests()...)
		s.overwrite(map[string][]byte{"ca.crt": []byte("garbage"), "ca.key": []byte("garbage")})
		r := s.start(short())
		s.pass(time.Second, time.Second)
		if err := handshake(r.source, s.bundle(), serviceHost); err != nil {
			t.Error(err)
		}
	})
}

func TestEmptiedBundleHeals(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "", nil)
	for _, test := range []struct {
		name   string
		watch  bool
		within time.Duration
	}{
		{"in two seconds where watching is permitted", true, 2 * time.Second},
		{"in one poll where it is not", false, 6 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, manifests()...)
				if !test.watch {
					s.api = interceptor.NewClient(s.plain, interceptor.Funcs{
						Watch: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) (watch.Interface, error) {
							return nil, forbidden
						},
					})
				}
				s.start(Timing{})
				s.pass(30*time.Second, time.Second)
				key := client.ObjectKey{Name: configurationName}
				before := &admissionv1.ValidatingWebhookConfiguration{}
				if err := s.plain.Get(t.Context(), key, before); err != nil {
					t.Fatal(err)
				}
				applied := before.DeepCopy()
				for i := range applied.Webhooks {
					applied.Webhooks[i].ClientConfig.CABundle = nil
				}
				if err := s.plain.Update(t.Context(), applied); err != nil {
					t.Fatal(err)
				}
				s.pass(test.within, time.Second)
				after := &admissionv1.ValidatingWebhookConfiguration{}
				if err := s.plain.Get(t.Context(), key, after); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(before.Webhooks, after.Webhooks); diff != "" {
					t.Errorf("webhooks, before and after (-before +after):\n%s", diff)
				}
			})
		})
	}
}

func TestMissingSecretIsExplainedAndAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		objects := manifests()
		s := newStage(t, objects[1:]...)
		r := s.start(Timing{})
		s.pass(10*time.Second, time.Second)
		err := ready(r.source)
		for _, words := range []string{"no serving certificate yet", "secretgate/webhook-tls", "kustomize/base/webhook provides it"} {
			if err == nil || !strings.Contains(err.Error(), words) {
				t.Errorf("readiness says %v, without %q", err, words)
			}
		}
		if err := s.plain.Create(t.Context(), objects[0]); err != nil {
			t.Fatal(err)
		}
		s.pass(3*time.Second, time.Second)
		if err := handshake(r.source, s.bundle(), serviceHost); err != nil {
			t.Error(err)
		}
	})
}

func TestReplicaThatCannotReadTheSecretStopsSigning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, manifests()...)
		ca := s.newAuthority(short())
		if err := ca.reconcile(t.Context()); err != nil {
			t.Fatal(err)
		}
		template := func() *x509.Certificate { return &x509.Certificate{PublicKey: ca.signing.key.Public()} }
		if _, err := ca.Sign(template()); err != nil {
			t.Error(err)
		}
		<-time.After(short().Propagation + time.Second)
		if _, err := ca.Sign(template()); err == nil || !strings.Contains(err.Error(), "too long ago") {
			t.Errorf("signed with an unconfirmed CA: %v", err)
		}
	})
}

// A replica that a broken network keeps from the API server may still be reached by it. It must be trusted until its own
// certificate ends, through the whole rotation that it does not notice.
func TestReplicaCutOffFromTheAPIIsTrustedWhileItsCertificateLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, manifests()...)
		s.start(short())
		s.pass(time.Minute, time.Minute)
		observed := s.api
		var cut atomic.Bool
		s.api = interceptor.NewClient(observed, interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
				if cut.Load() {
					return errors.New("no route to host")
				}
				return c.Get(ctx, key, o, opts...)
			},
		})
		unlucky := s.start(short())
		for current, _ := decode(s.data()); current.next == nil && !t.Failed(); current, _ = decode(s.data()) {
			s.pass(20*time.Minute, 20*time.Minute)
		}
		// Worst case: it renews its leaf with the old CA in the last moment that it may.
		cut.Store(true)
		renewed := leafOf(t, unlucky)
		for left := time.Until(renewed.NotAfter); left > 20*time.Minute; left = time.Until(leafOf(t, unlucky).NotAfter) {
			s.pass(20*time.Minute, 20*time.Minute)
			if t.Failed() {
				return
			}
		}
		if current, _ := decode(s.data()); current.next != nil || len(current.previous) == 0 {
			t.Error("the rotation has not taken place meanwhile")
		}
		s.leave(unlucky)
	})
}

func leafOf(t *testing.T, r *replica) *x509.Certificate {
	t.Helper()
	served, err := r.source.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	return served.Leaf
}
