package transport

import (
	"errors"
	"io"
	"net/http"
	"net/url"
)

// answers gives a type to the error of an answer that is cut: by HTTP/2 it has none, and would pass for any other.
type answers struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := a.RoundTripper.RoundTrip(r)
	if err == nil {
		response.Body = body{ReadCloser: response.Body, host: r.URL.Host}
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
