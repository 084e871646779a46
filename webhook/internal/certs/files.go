package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	cmtls "github.com/cert-manager/cert-manager/pkg/server/tls"
	"github.com/cert-manager/cert-manager/pkg/util/pki"
)

// NewFiles serves tls.crt and tls.key of the directory and reads them again within ten seconds of a change. Readiness
// trusts the directory's ca.crt; without one, the CA bundle of the webhook configurations.
func NewFiles(d Dependencies, directory string) (*Source, error) {
	source, err := newFromDirectory(d, directory)
	if err != nil {
		return nil, err
	}
	source.probe.bundle = func() ([]byte, error) { return readOptional(filepath.Join(directory, "ca.crt")) }
	source.probe.systemRoots = true
	source.probe.remedy = "put the CA that signed tls.crt into the webhook configuration's caBundle, and into ca.crt beside tls.crt"
	return source, nil
}

// NewCertManager serves the files of a mounted cert-manager Secret. Readiness trusts only what cainjector has published,
// so a webhook is not ready before the API server can reach it.
func NewCertManager(d Dependencies, directory string) (*Source, error) {
	source, err := newFromDirectory(d, directory)
	if err != nil {
		return nil, err
	}
	source.probe.remedy = "see that cert-manager's cainjector runs and that the configuration has the annotation " +
		"cert-manager.io/inject-ca-from with the Certificate's namespace and name"
	return source, nil
}

func newFromDirectory(d Dependencies, directory string) (*Source, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	if directory == "" {
		return nil, errors.New("certificates: no directory given: set --cert-dir to the folder of tls.crt and tls.key")
	}
	files := &cmtls.FileCertificateSource{
		CertPath: filepath.Join(directory, "tls.crt"),
		KeyPath:  filepath.Join(directory, "tls.key"),
		// A half-written file must not end a process that still holds a good certificate; readiness says what is wrong.
		MaxFailures: math.MaxInt,
	}
	return &Source{
		provider: files,
		log:      d.Log,
		probe: &probe{
			api:           d.API,
			configuration: d.Configuration,
			address:       d.Address,
			clients:       d.Clients,
			serving:       files.GetCertificate,
			trouble:       func() error { return fileTrouble(files.CertPath, files.KeyPath) },
		},
		Expiry: newExpiry(files.GetCertificate, func() []*x509.Certificate {
			return certificatesOf(filepath.Join(directory, "ca.crt"))
		}),
	}, nil
}

// fileTrouble names the file that cannot be opened; the content's troubles are in cert-manager's log lines.
func fileTrouble(paths ...string) error {
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("%w: see --cert-dir and who writes that folder", err)
		}
		_ = file.Close()
	}
	return nil
}

func readOptional(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return content, err
}

func certificatesOf(path string) []*x509.Certificate {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	found, err := pki.DecodeX509CertificateSetBytes(content)
	if err != nil {
		return nil
	}
	return found
}
