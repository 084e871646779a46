package awssession

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

// closable is a body that cannot be read any more once it is closed.
type closable struct {
	io.Reader
	closed bool
}

func (c *closable) Close() error {
	c.closed = true
	c.Reader = iotest.ErrReader(errors.New("it is closed"))
	return nil
}

func TestTheTransportHasABodyOfItsOwn(t *testing.T) {
	body := &closable{Reader: strings.NewReader("planted")}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://aws", body)
	if err != nil {
		t.Fatal(err)
	}
	sent := doer(func(request *http.Request) (*http.Response, error) {
		_ = body.Close() // as the SDK does when an answer begins
		text, err := io.ReadAll(request.Body)
		if string(text) != "planted" || request.ContentLength != int64(len(text)) {
			t.Errorf("%q of %d bytes is sent", text, request.ContentLength)
		}
		return nil, err
	})
	send := func() error {
		response, err := sender{sent}.Do(request)
		if response != nil {
			_ = response.Body.Close()
		}
		return err
	}
	if err := send(); err != nil || !body.closed {
		t.Errorf("error %v, closed %t", err, body.closed)
	}
	request.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF))
	if err := send(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want that the body cannot be read", err)
	}
}
