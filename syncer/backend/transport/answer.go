package transport

import (
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// ErrTooLong says that an answer is longer than any of the backend's. Reading stops there: what a backend, or a server in its
// place, sends must not fill the memory. What is compressed counts as what it unpacks to.
var ErrTooLong error = &driver.Error{
	Kind: driver.Unavailable, Problem: "the answer is longer than any of the backend's",
	Hint: "check the backend's address, and the proxy on the way",
}

// Bound lets no more than limit bytes be read of an answer; a longer one ends with ErrTooLong.
func Bound(answer io.ReadCloser, limit int64) io.ReadCloser {
	return &bounded{ReadCloser: answer, left: limit}
}

type bounded struct {
	io.ReadCloser

	left int64 // negative: it is too long
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrTooLong
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1] // one more byte shows whether the answer is longer
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n - 1, ErrTooLong
	}
	return n, err
}

// answers bounds answers, and gives a type to the error of one that is cut: by HTTP/2 it has none, and would pass for any other.
type answers struct {
	http.RoundTripper

	limit int64
}

// RoundTrip implements http.RoundTripper.
func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := a.RoundTripper.RoundTrip(r)
	if err == nil {
		response.Body = body{ReadCloser: Bound(response.Body, a.limit), host: r.URL.Host}
	}
	return response, err
}

type body struct {
	io.ReadCloser

	host string // and not the URL, which may be signed
}

func (b body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &url.Error{Op: "Read", URL: b.host, Err: err}
	}
	return n, err
}
