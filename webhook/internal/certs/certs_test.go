package certs

import (
	"crypto/x509"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestConstructorsRefuseWhatCannotWork(t *testing.T) {
	s := newStage(t, manifests()...)
	d := s.dependencies()
	noName := d
	noName.Configuration = ""
	good := SelfSigned{Namespace: "secretgate", Secret: "webhook-tls", Names: []string{"localhost"}}
	badName, noSecret, noNames, badTiming := good, good, good, good
	badName.Names = []string{"localhost", "not a name"}
	noSecret.Secret = ""
	noNames.Names = nil
	badTiming.Timing = Timing{CALife: time.Hour}
	for _, test := range []struct {
		name string
		make func() (*Source, error)
		want string
	}{
		{"files without a directory", func() (*Source, error) { return NewFiles(d, "") }, "--cert-dir"},
		{"no API client", func() (*Source, error) { return NewFiles(Dependencies{}, "somewhere") }, "no API client"},
		{"no configuration", func() (*Source, error) { return NewCertManager(noName, "somewhere") }, "--webhook-configuration"},
		{"a name that is none", func() (*Source, error) { return NewSelfSigned(d, badName) }, `"not a name" is neither`},
		{"no names", func() (*Source, error) { return NewSelfSigned(d, noNames) }, "--tls-names"},
		{"no Secret", func() (*Source, error) { return NewSelfSigned(d, noSecret) }, "--tls-secret"},
		{"life times that leave no room", func() (*Source, error) { return NewSelfSigned(d, badTiming) }, "no time for a rotation"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := test.make(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestFilesAreReadAgainWhenTheyChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := mustSigner(t, time.Now(), 24*time.Hour)
		directory := folder(t, ca, "first.example")
		s := newStage(t, manifests()...)
		source, err := NewFiles(s.dependencies(), directory)
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = source.Start(t.Context()) }()
		bundle := encodeCertificates([]*x509.Certificate{ca.cert})
		synctest.Wait()
		if err := handshake(source, bundle, "first.example"); err != nil {
			t.Error(err)
		}
		// Half-written files, for longer than cert-manager's source forgives by default, leave the old certificate in place.
		write(t, directory, "tls.crt", []byte("half"))
		<-time.After(5 * time.Minute)
		synctest.Wait()
		if err := handshake(source, bundle, "first.example"); err != nil {
			t.Error(err)
		}
		writeLeaf(t, directory, ca, "second.example")
		<-time.After(11 * time.Second)
		synctest.Wait()
		if err := handshake(source, bundle, "second.example"); err != nil {
			t.Error(err)
		}
	})
}
