package rpc

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// TestDocumentedExample is the signed request of Alibaba Cloud's own documents (ECS API Reference, Request signatures).
func TestDocumentedExample(t *testing.T) {
	const query = "SignatureVersion=1.0&Action=DescribeRegions&Format=XML&SignatureNonce=3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf" +
		"&Version=2014-05-26&AccessKeyId=testid&Signature=OLeaidS1JvxuMvnyHOwuJ%2BuX5qY%3D&SignatureMethod=HMAC-SHA1&Timestamp=2016-02-23T12%3A46%3A24Z"
	q, err := Parse(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?"+query, http.NoBody), nil)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2016, 2, 23, 12, 46, 24, 0, time.UTC)
	if err := q.Check("testsecret", at); err != nil {
		t.Error(err)
	}
	if q.Check("testsecret2", at) == nil || q.Check("testsecret", at.Add(16*time.Minute)) == nil {
		t.Error("another secret or another time is accepted")
	}
}

func TestNoncesAreForgottenInTheEnd(t *testing.T) {
	var n Nonces
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	use := func(key, nonce string) error {
		return n.Use(Request{Params: map[string]string{"AccessKeyId": key, "SignatureNonce": nonce}}, now)
	}
	if use("a", "1") != nil || use("a", "2") != nil || use("b", "1") != nil {
		t.Error("a new nonce is refused")
	}
	now = now.Add(29 * time.Minute)
	if use("a", "1") == nil {
		t.Error("a nonce is accepted twice")
	}
	now = now.Add(2 * time.Minute)
	if err := use("a", "3"); err != nil || len(n.used) != 1 {
		t.Errorf("%v, and %d nonces are kept, want 1", err, len(n.used))
	}
}
