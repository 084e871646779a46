package wire

import (
	"io"
	"net/http"
)

// redirects readies for the api package the answers by which standby nodes name the active one. The package leaves their
// bodies open, which would cost a connection each, and its errors for a redirect that may not be followed have no type.
type redirects struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (r redirects) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.next.RoundTrip(request)
	if err != nil || response.StatusCode < http.StatusMultipleChoices || response.StatusCode >= http.StatusBadRequest {
		return response, err
	}
	_, _ = io.CopyN(io.Discard, response.Body, 4<<10) // a short body is read, so that the connection can be used again
	_ = response.Body.Close()
	response.Body = http.NoBody
	if to, err := response.Location(); err != nil || request.URL.Scheme == "https" && to.Scheme != "https" {
		return nil, errRedirect
	}
	return response, nil
}
