package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr/funcr"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

const (
	configurationName = "secretgate-webhook"
	serviceHost       = "webhook.secretgate.svc"
)

var secretKey = client.ObjectKey{Namespace: "secretgate", Name: "webhook-tls"}

// stage is an API with replicas of the webhook in front of it. After each of their writes, every replica's certificate must
// satisfy a client that trusts the published bundle, and one that still trusts a bundle replaced within Propagation.
type stage struct {
	t     *testing.T
	plain client.WithWatch // unobserved
	api   client.WithWatch // as the replicas see it

	mu       sync.Mutex
	replicas []*replica
	bundles  []published // all that were published

	logMu sync.Mutex // its own: a replica may log while it holds what inspect waits for
	log   strings.Builder
}

type published struct {
	bundle   []byte
	replaced time.Time // zero: it is current
}

type replica struct {
	source *Source
	stop   context.CancelFunc
}

func manifests() []client.Object {
	fail, none := admissionv1.Fail, admissionv1.SideEffectClassNone
	path := func(p string) admissionv1.WebhookClientConfig {
		return admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Namespace: "secretgate", Name: "webhook", Path: &p}}
	}
	return []client.Object{
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: secretKey.Namespace, Name: secretKey.Name}},
		&admissionv1.MutatingWebhookConfiguration{
			ObjectMeta: metav1.ObjectMeta{Name: configurationName},
			Webhooks: []admissionv1.MutatingWebhook{{Name: "mutate.externalsecrets.secretgate.io", ClientConfig: path("/mutate"),
				FailurePolicy: &fail, SideEffects: &none, AdmissionReviewVersions: []string{"v1"}}},
		},
		&admissionv1.ValidatingWebhookConfiguration{
			ObjectMeta: metav1.ObjectMeta{Name: configurationName},
			Webhooks: []admissionv1.ValidatingWebhook{
				{Name: "validate.externalsecrets.secretgate.io", ClientConfig: path("/validate"), FailurePolicy: &fail, SideEffects: &none},
				{Name: "second.externalsecrets.secretgate.io", ClientConfig: path("/second"), FailurePolicy: &fail, SideEffects: &none},
			},
		},
	}
}

func newStage(t *testing.T, objects ...client.Object) *stage {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, plain: fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()}
	s.api = interceptor.NewClient(s.plain, interceptor.Funcs{
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			err := c.Update(ctx, o, opts...)
			s.inspect("an update of the Secret")
			return err
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			err := c.Patch(ctx, o, p, opts...)
			s.inspect("a patch of a configuration")
			return err
		},
	})
	return s
}

// short makes years into weeks: a CA signs from day 0 and is succeeded on day 5 and a third.
func short() Timing {
	return Timing{CALife: 8 * 24 * time.Hour, LeafLife: 24 * time.Hour, Propagation: 2 * time.Hour, Poll: 30 * time.Minute}
}

func (s *stage) dependencies() Dependencies {
	logger := funcr.New(func(prefix, args string) {
		s.logMu.Lock()
		defer s.logMu.Unlock()
		fmt.Fprintln(&s.log, prefix, args)
	}, funcr.Options{Verbosity: 5})
	return Dependencies{API: s.api, Configuration: configurationName, Address: "127.0.0.1:1", Log: logger}
}

func (s *stage) newSource(timing Timing) *Source {
	s.t.Helper()
	source, err := NewSelfSigned(s.dependencies(), SelfSigned{
		Namespace: secretKey.Namespace, Secret: secretKey.Name, Names: []string{"127.0.0.1", "localhost", serviceHost}, Timing: timing,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return source
}

// newAuthority is that of a replica which takes its steps when the test says so.
func (s *stage) newAuthority(timing Timing) *authority {
	s.t.Helper()
	served, ok := s.newSource(timing).provider.(*selfSigned)
	if !ok {
		s.t.Fatal("not self-signed")
	}
	return served.ca
}

func (s *stage) start(timing Timing) *replica {
	s.t.Helper()
	source := s.newSource(timing)
	ctx, stop := context.WithCancel(s.t.Context())
	r := &replica{source: source, stop: stop}
	s.mu.Lock()
	s.replicas = append(s.replicas, r)
	s.mu.Unlock()
	go func() {
		if err := source.Start(ctx); err != nil {
			s.t.Errorf("a replica ended: %v", err)
		}
	}()
	return r
}

func (s *stage) leave(r *replica) {
	s.mu.Lock()
	s.replicas = slices.DeleteFunc(s.replicas, func(other *replica) bool { return other == r })
	s.mu.Unlock()
	r.stop()
}

// pass lets fake time go by and looks whether all is well whenever the replicas rest.
func (s *stage) pass(total, each time.Duration) {
	s.t.Helper()
	for ; total > 0 && !s.t.Failed(); total -= each {
		<-time.After(each)
		synctest.Wait()
		s.inspect("time")
	}
}

func (s *stage) inspect(after string) {
	bundle := s.bundle()
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.bundles) - 1
	if len(bundle) > 0 && (last < 0 || !bytes.Equal(s.bundles[last].bundle, bundle)) {
		if last >= 0 {
			s.bundles[last].replaced = time.Now()
		}
		s.bundles = append(s.bundles, published{bundle: bundle})
	}
	for number, r := range s.replicas {
		served, err := r.source.GetCertificate(nil)
		if err != nil {
			continue // has just been started
		}
		for age, p := range s.bundles {
			if !p.replaced.IsZero() && time.Since(p.replaced) >= short().Propagation {
				continue
			}
			if err := verify(served.Leaf, p.bundle, serviceHost); err != nil {
				s.t.Errorf("%s, after %s: replica %d, trusting bundle %d of %d: %v",
					time.Now().Format(time.DateTime), after, number, age+1, len(s.bundles), err)
			}
		}
	}
}

// bundle is what the first entry of the mutating configuration carries.
func (s *stage) bundle() []byte {
	configuration := &admissionv1.MutatingWebhookConfiguration{}
	if s.plain.Get(context.Background(), client.ObjectKey{Name: configurationName}, configuration) != nil {
		return nil
	}
	return configuration.Webhooks[0].ClientConfig.CABundle
}

func (s *stage) data() map[string][]byte {
	s.t.Helper()
	secret := &corev1.Secret{}
	if err := s.plain.Get(context.Background(), secretKey, secret); err != nil {
		s.t.Fatal(err)
	}
	return secret.Data
}

func (s *stage) overwrite(data map[string][]byte) {
	s.t.Helper()
	secret := &corev1.Secret{}
	if err := s.plain.Get(context.Background(), secretKey, secret); err != nil {
		s.t.Fatal(err)
	}
	secret.Data = data
	if err := s.plain.Update(context.Background(), secret); err != nil {
		s.t.Fatal(err)
	}
}

func verify(leaf *x509.Certificate, bundle []byte, host string) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: time.Now()})
	return err
}

// handshake is the real thing, over a pipe.
func handshake(source *Source, bundle []byte, host string) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	near, far := net.Pipe()
	defer func() { _ = near.Close() }()
	go func() {
		defer func() { _ = far.Close() }()
		_ = tls.Server(far, &tls.Config{GetCertificate: source.GetCertificate}).HandshakeContext(context.Background())
	}()
	return tls.Client(near, &tls.Config{RootCAs: roots, ServerName: host}).HandshakeContext(context.Background())
}

func ready(source *Source) error {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "/readyz", http.NoBody)
	if err != nil {
		return err
	}
	return source.Ready(request)
}
