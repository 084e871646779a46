// Package transport is what drivers that speak HTTP share: connections, the CAs that they trust, and what it means where there
// is no answer, or one that is no success.
package transport

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/hashicorp/go-cleanhttp"
)

// HTTP makes the connections of one driver, through the proxy of HTTPS_PROXY and NO_PROXY. Nil roots: the system's.
func HTTP(roots *x509.CertPool) *http.Transport {
	t := cleanhttp.DefaultPooledTransport()
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	t.MaxIdleConnsPerHost = t.MaxIdleConns // there are but few hosts
	Guard(t)
	return t
}

// Guard bounds the header of answers, and has a connection of HTTP/2, which carries all requests, given up within half a minute
// where its other end is gone without a word: the kernel would take a quarter of an hour.
func Guard(t *http.Transport) {
	t.MaxResponseHeaderBytes = maxHeader
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second}
}

// maxHeader bounds the header of an answer, in bytes.
const maxHeader = 256 << 10

// Client makes a client that follows no redirect: the server that one names would learn the request, and what is signed in it. Of an
// answer it reads no more than limit bytes: see ErrTooLong.
func Client(t http.RoundTripper, timeout time.Duration, limit int64) *http.Client {
	return &http.Client{
		Transport: answers{t, limit}, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

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
