package certs

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cert-manager/cert-manager/pkg/util/pki"
	admissionv1 "k8s.io/api/admissionregistration/v1"
)

// callerOf makes a client's certificate of a CA.
func callerOf(t *testing.T, ca *signer, name string, dnsNames ...string) *tls.Certificate {
	t.Helper()
	key, err := pki.GenerateECPrivateKey(pki.ECCurve256)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.sign(&x509.Certificate{
		PublicKey: key.Public(), Subject: pkix.Name{CommonName: name}, DNSNames: dnsNames, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

// demanding is an HTTPS server that the clients may ask. It returns the address.
func demanding(t *testing.T, clients *Clients, ca *signer) string {
	t.Helper()
	directory := folder(t, ca, "localhost")
	leaf, err := tls.LoadX509KeyPair(filepath.Join(directory, "tls.crt"), filepath.Join(directory, "tls.key"))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }), ReadHeaderTimeout: time.Minute,
	}
	config := clients.Demand(&tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{leaf}})
	go func() { _ = server.Serve(tls.NewListener(listener, config)) }()
	t.Cleanup(func() { _ = server.Close() })
	return listener.Addr().String()
}

// ask makes one request on a connection of its own; certificate may be nil.
func ask(address string, ca *signer, certificate *tls.Certificate, version uint16) error {
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	config := &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: version, MaxVersion: version}
	if certificate != nil {
		// Presented whatever the server asks for, as API servers do.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil }
	}
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Get("https://" + address) //nolint:noctx // the test's own server
	if err != nil {
		return err
	}
	return response.Body.Close()
}

func TestCallersNeedACertificateOfTheCA(t *testing.T) {
	ca, stranger, serving := mustSigner(t, time.Now(), time.Hour), mustSigner(t, time.Now(), time.Hour), mustSigner(t, time.Now(), time.Hour)
	for name, test := range map[string]struct {
		names       []string
		certificate *tls.Certificate
		refused     bool
	}{
		"without a certificate":                {refused: true},
		"with one of another CA":               {certificate: callerOf(t, stranger, "apiserver"), refused: true},
		"with one of the CA":                   {certificate: callerOf(t, ca, "apiserver")},
		"with a common name that is listed":    {names: []string{"other", "apiserver"}, certificate: callerOf(t, ca, "apiserver")},
		"with a DNS name that is listed":       {names: []string{"apiserver"}, certificate: callerOf(t, ca, "", "x", "apiserver")},
		"with a name that is not listed":       {names: []string{"apiserver"}, certificate: callerOf(t, ca, "kubelet", "x"), refused: true},
		"with a listed name from another CA":   {names: []string{"apiserver"}, certificate: callerOf(t, stranger, "apiserver"), refused: true},
		"with readiness' name from another CA": {names: []string{"apiserver"}, certificate: callerOf(t, stranger, "secretgate-webhook-readiness"), refused: true},
		"with readiness' name from the CA":     {names: []string{"apiserver"}, certificate: callerOf(t, ca, "secretgate-webhook-readiness"), refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			directory := t.TempDir()
			write(t, directory, "ca.crt", encodeCertificates([]*x509.Certificate{ca.cert}))
			clients, err := NewClients(filepath.Join(directory, "ca.crt"), test.names)
			if err != nil {
				t.Fatal(err)
			}
			address := demanding(t, clients, serving)
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				if err := ask(address, serving, test.certificate, version); (err != nil) != test.refused {
					t.Errorf("%s: refused: %v, want %t", tls.VersionName(version), err, test.refused)
				}
				if err := ask(address, serving, &clients.own, version); err != nil {
					t.Errorf("%s: readiness is refused: %v", tls.VersionName(version), err)
				}
			}
		})
	}
}

func TestTheCAOfCallersIsReadAgain(t *testing.T) {
	first, second, serving := mustSigner(t, time.Now(), time.Hour), mustSigner(t, time.Now(), time.Hour), mustSigner(t, time.Now(), time.Hour)
	directory := t.TempDir()
	file := filepath.Join(directory, "ca.crt")
	holds := func(text []byte) { t.Helper(); write(t, directory, "ca.crt", text) }
	holds(encodeCertificates([]*x509.Certificate{first.cert}))
	clients, err := NewClients(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	address := demanding(t, clients, serving)
	expectCallers := func(when string, firstOK, secondOK bool) {
		t.Helper()
		got := fmt.Sprint(ask(address, serving, callerOf(t, first, "a"), tls.VersionTLS13) == nil, ask(address, serving, callerOf(t, second, "a"), tls.VersionTLS13) == nil)
		if want := fmt.Sprint(firstOK, secondOK); got != want {
			t.Errorf("%s callers of the first and the second CA are answered: %s, want %s", when, got, want)
		}
	}
	expectCallers("at first", true, false)
	holds(encodeCertificates([]*x509.Certificate{first.cert, second.cert}))
	expectCallers("with both", true, true)
	holds([]byte("half"))
	expectCallers("with a file that is half written", true, true)
	holds(encodeCertificates([]*x509.Certificate{second.cert}))
	expectCallers("with the second alone", false, true)
}

func TestAFileWithoutACAIsRefusedAtTheStart(t *testing.T) {
	directory := t.TempDir()
	write(t, directory, "garbage", []byte("garbage"))
	for _, name := range []string{"garbage", "none"} {
		if _, err := NewClients(filepath.Join(directory, name), nil); err == nil || !strings.Contains(err.Error(), "--client-ca") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// Readiness makes a handshake with our own listener, which asks it for a certificate as everybody.
func TestReadinessWhereCallersNeedACertificate(t *testing.T) {
	ca := mustSigner(t, time.Now(), time.Hour)
	directory := t.TempDir()
	write(t, directory, "ca.crt", encodeCertificates([]*x509.Certificate{mustSigner(t, time.Now(), time.Hour).cert}))
	clients, err := NewClients(filepath.Join(directory, "ca.crt"), []string{"apiserver"})
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t, manifests()...)
	s.setClient(t, func(c *admissionv1.WebhookClientConfig) {
		c.CABundle = encodeCertificates([]*x509.Certificate{ca.cert})
	})
	d := s.dependencies()
	d.Clients = clients
	var source *Source
	listener, err := tls.Listen("tcp", "127.0.0.1:0", clients.Demand(&tls.Config{
		MaxVersion:     tls.VersionTLS12, // where the client knows at the end of the handshake whether it was accepted
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return source.GetCertificate(hello) },
	}))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	d.Address = listener.Addr().String()
	if source, err = NewCertManager(d, folder(t, ca, serviceHost)); err != nil {
		t.Fatal(err)
	}
	loaded(t, source)
	expect(t, ready(source), nil)
}
