package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cmapi "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"github.com/cert-manager/cert-manager/pkg/util/pki"
	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// serve listens like the webhook's server does, and returns the address.
func serve(t *testing.T, certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) string {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: certificate})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				// Reading makes the handshake.
				_, _ = io.Copy(io.Discard, connection)
				_ = connection.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

// folder writes a serving certificate for the hosts, signed by the CA.
func folder(t *testing.T, ca *signer, hosts ...string) string {
	t.Helper()
	directory := t.TempDir()
	writeLeaf(t, directory, ca, hosts...)
	return directory
}

func writeLeaf(t *testing.T, directory string, ca *signer, hosts ...string) {
	t.Helper()
	key, err := pki.GenerateECPrivateKey(pki.ECCurve256)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.sign(&x509.Certificate{PublicKey: key.Public(), DNSNames: hosts, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := pki.EncodePrivateKey(key, cmapi.PKCS8)
	if err != nil {
		t.Fatal(err)
	}
	write(t, directory, "tls.crt", encodeCertificates([]*x509.Certificate{leaf}))
	write(t, directory, "tls.key", encoded)
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, directory, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(directory, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *stage) setClient(t *testing.T, change func(*admissionv1.WebhookClientConfig)) {
	t.Helper()
	key := client.ObjectKey{Name: configurationName}
	mutating, validating := &admissionv1.MutatingWebhookConfiguration{}, &admissionv1.ValidatingWebhookConfiguration{}
	if err := errors.Join(s.plain.Get(t.Context(), key, mutating), s.plain.Get(t.Context(), key, validating)); err != nil {
		t.Fatal(err)
	}
	for i := range mutating.Webhooks {
		change(&mutating.Webhooks[i].ClientConfig)
	}
	for i := range validating.Webhooks {
		change(&validating.Webhooks[i].ClientConfig)
	}
	if err := errors.Join(s.plain.Update(t.Context(), mutating), s.plain.Update(t.Context(), validating)); err != nil {
		t.Fatal(err)
	}
}

// loaded starts the source and waits until it has read its files.
func loaded(t *testing.T, source *Source) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- source.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the source ended with: %v", err)
		}
	})
	for t.Context().Err() == nil {
		if _, err := source.GetCertificate(nil); err == nil {
			return
		}
	}
}

func TestReadiness(t *testing.T) {
	ca, stranger := mustSigner(t, time.Now(), time.Hour), mustSigner(t, time.Now(), time.Hour)
	bundle := func(signers ...*signer) func(*admissionv1.WebhookClientConfig) {
		return func(c *admissionv1.WebhookClientConfig) {
			c.CABundle = nil
			for _, s := range signers {
				c.CABundle = append(c.CABundle, encodeCertificates([]*x509.Certificate{s.cert})...)
			}
		}
	}
	for _, test := range []struct {
		name   string
		make   func(Dependencies, string) (*Source, error)
		ca     *signer // ca.crt in the directory
		host   string
		config func(*admissionv1.WebhookClientConfig)
		want   []string // nil: ready
	}{
		{"cert-manager: the injected CA verifies the certificate", NewCertManager, nil, serviceHost, bundle(ca), nil},
		{"cert-manager: one of two injected CAs verifies the certificate", NewCertManager, nil, serviceHost, bundle(stranger, ca), nil},
		{"cert-manager: nothing was injected yet", NewCertManager, ca, serviceHost, bundle(),
			[]string{"carries no CA bundle", "cainjector", "mutate.externalsecrets"}},
		{"cert-manager: another CA was injected", NewCertManager, ca, serviceHost, bundle(stranger), []string{"does not verify", "cainjector"}},
		{"cert-manager: the certificate is for another Service", NewCertManager, nil, "webhook.elsewhere.svc", bundle(ca),
			[]string{"not for \"webhook.secretgate.svc\"", "--tls-names"}},
		{"cert-manager: the bundle is garbage", NewCertManager, nil, serviceHost, func(c *admissionv1.WebhookClientConfig) {
			c.CABundle = []byte("garbage")
		}, []string{"holds no certificates"}},
		{"cert-manager: the configuration has a URL with an address", NewCertManager, nil, serviceHost, func(c *admissionv1.WebhookClientConfig) {
			bundle(ca)(c)
			address := "https://127.0.0.1:9443/mutate"
			c.Service, c.URL = nil, &address
		}, nil},
		{"cert-manager: the configuration has a URL that the certificate is not for", NewCertManager, nil, serviceHost,
			func(c *admissionv1.WebhookClientConfig) {
				bundle(ca)(c)
				address := "https://127.0.0.2:9443/mutate"
				c.Service, c.URL = nil, &address
			}, []string{"127.0.0.2"}},
		{"files: ca.crt verifies the certificate, whatever the configuration has", NewFiles, ca, serviceHost, bundle(), nil},
		{"files: ca.crt does not verify the certificate", NewFiles, stranger, serviceHost, bundle(ca), []string{"does not verify", "ca.crt"}},
		{"files: without ca.crt the configuration's bundle verifies it", NewFiles, nil, serviceHost, bundle(ca), nil},
		{"files: without any CA the system's roots do not verify it", NewFiles, nil, serviceHost, bundle(), []string{"ca.crt"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStage(t, manifests()...)
			s.setClient(t, test.config)
			directory := folder(t, ca, test.host)
			if test.ca != nil {
				write(t, directory, "ca.crt", encodeCertificates([]*x509.Certificate{test.ca.cert}))
			}
			d := s.dependencies()
			var source *Source
			d.Address = serve(t, func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return source.GetCertificate(hello) })
			source, err := test.make(d, directory)
			if err != nil {
				t.Fatal(err)
			}
			loaded(t, source)
			expect(t, ready(source), test.want)
		})
	}
}

func expect(t *testing.T, err error, want []string) {
	t.Helper()
	if len(want) == 0 && err != nil {
		t.Errorf("not ready: %v", err)
	}
	for _, words := range want {
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("readiness says %v, without %q", err, words)
		}
	}
}

func TestReadinessTellsWhatIsMissing(t *testing.T) {
	ca := mustSigner(t, time.Now(), time.Hour)
	objects := manifests()
	t.Run("nothing listens", func(t *testing.T) {
		s := newStage(t, objects...)
		s.setClient(t, func(c *admissionv1.WebhookClientConfig) {
			c.CABundle = encodeCertificates([]*x509.Certificate{ca.cert})
		})
		source, err := NewCertManager(s.dependencies(), folder(t, ca, serviceHost))
		if err != nil {
			t.Fatal(err)
		}
		loaded(t, source)
		expect(t, ready(source), []string{"nothing listens on 127.0.0.1:1"})
	})
	t.Run("a configuration does not exist", func(t *testing.T) {
		s := newStage(t, objects[:2]...)
		source, err := NewCertManager(s.dependencies(), folder(t, ca, serviceHost))
		if err != nil {
			t.Fatal(err)
		}
		loaded(t, source)
		expect(t, ready(source), []string{"ValidatingWebhookConfiguration \"secretgate-webhook\" does not exist", "kustomize/base/webhook"})
	})
	t.Run("the directory is empty, and that it was is not remembered", func(t *testing.T) {
		s := newStage(t, objects...)
		directory := folder(t, ca, serviceHost)
		moved := directory + "-moved"
		rename(t, directory, moved)
		source, err := NewCertManager(s.dependencies(), directory)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, ready(source), []string{"no serving certificate", "tls.crt", "--cert-dir"})
		rename(t, moved, directory)
		loaded(t, source)
		expect(t, ready(source), []string{"carries no CA bundle"})
	})
}

func TestReadinessOutlivesAnAPIServerThatDoesNotAnswer(t *testing.T) {
	ca := mustSigner(t, time.Now(), time.Hour)
	s := newStage(t, manifests()...)
	s.setClient(t, func(c *admissionv1.WebhookClientConfig) {
		c.CABundle = encodeCertificates([]*x509.Certificate{ca.cert})
	})
	answer := func(context.Context) error { return nil }
	d := s.dependencies()
	d.API = interceptor.NewClient(s.plain, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			return errors.Join(answer(ctx), c.Get(ctx, key, o, opts...))
		},
	})
	var source *Source
	d.Address = serve(t, func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return source.GetCertificate(hello) })
	source, err := NewCertManager(d, folder(t, ca, serviceHost))
	if err != nil {
		t.Fatal(err)
	}
	loaded(t, source)
	for _, server := range []struct {
		name   string
		answer func(context.Context) error
	}{
		{"answers", answer},
		{"refuses", func(context.Context) error { return errors.New("connection refused") }},
		{"says nothing", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
	} {
		t.Run(server.name, func(t *testing.T) {
			answer = server.answer
			// A kubelet has less patience, but its machine may be faster than this one.
			kubelet, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := source.probe.examine(kubelet); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestExpiryIsReadFromWhatIsServed(t *testing.T) {
	ca := mustSigner(t, time.Now(), 2*time.Hour)
	directory := folder(t, ca, serviceHost)
	write(t, directory, "ca.crt", encodeCertificates([]*x509.Certificate{ca.cert}))
	s := newStage(t, manifests()...)
	source, err := NewFiles(s.dependencies(), directory)
	if err != nil {
		t.Fatal(err)
	}
	loaded(t, source)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(source.Expiry)
	families, err := registry.Gather()
	if err != nil || len(families) != 1 || families[0].GetName() != "secretgate_webhook_certificate_expiry_timestamp_seconds" {
		t.Fatal(families, err)
	}
	served, err := source.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{"serving": float64(served.Leaf.NotAfter.Unix()), "ca": float64(ca.cert.NotAfter.Unix())}
	for _, metric := range families[0].GetMetric() {
		which := metric.GetLabel()[0].GetValue()
		if metric.GetGauge().GetValue() != want[which] {
			t.Errorf("%s: %v, want %v", which, metric.GetGauge().GetValue(), want[which])
		}
		delete(want, which)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}
