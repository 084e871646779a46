// Package transport makes what drivers that speak HTTP share: the CAs that they trust.
package transport

import (
	"crypto/x509"
	"fmt"
	"os"
)

// Roots is the system's pool of CAs (SSL_CERT_FILE and SSL_CERT_DIR change what that is) and those of the PEM files.
// Empty names are left out; without any it is nil, which to crypto/tls means the system's.
func Roots(files ...string) (*x509.CertPool, error) {
	files = named(files)
	if len(files) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		// A container image may have none.
		pool = x509.NewCertPool()
	}
	return pool, add(pool, files)
}

// OnlyRoots trusts the CAs of the PEM files and no others.
func OnlyRoots(files ...string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	return pool, add(pool, named(files))
}

func named(files []string) []string {
	var given []string
	for _, file := range files {
		if file != "" {
			given = append(given, file)
		}
	}
	return given
}

func add(pool *x509.CertPool, files []string) error {
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("the CA bundle cannot be read: %w", err)
		}
		if !pool.AppendCertsFromPEM(text) {
			return fmt.Errorf("the CA bundle %s holds no certificate: give a file of PEM certificates", file)
		}
	}
	return nil
}
