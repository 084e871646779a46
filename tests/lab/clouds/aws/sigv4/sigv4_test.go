package sigv4

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// The key of AWS's published examples.
const (
	exampleKey    = "AKIDEXAMPLE"
	exampleSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

var signedAt = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

// TestPublishedExamples checks signatures of AWS's Signature Version 4 test suite.
func TestPublishedExamples(t *testing.T) {
	for _, tc := range []struct{ name, method, target, signature string }{
		{"get-vanilla", "GET", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"post-vanilla", "POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{"get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1",
			"b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), tc.method, "http://example.amazonaws.com"+tc.target, http.NoBody)
			r.Header.Set("X-Amz-Date", "20150830T123600Z")
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "+
				"SignedHeaders=host;x-amz-date, Signature="+tc.signature)
			if err := verify(r, nil, "service", signedAt); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestWhatTheSDKSigns checks that requests of awkward shapes, signed by AWS's own signer, pass.
func TestWhatTheSDKSigns(t *testing.T) {
	for _, tc := range []struct {
		name, target, body string
		header             http.Header
	}{
		{"a plain post", "/", "{}", nil},
		{"no body", "/", "", nil},
		{"a path with encoded characters", "/a%20b/%C3%A9/c+d", "", nil},
		{"a query with repeated and awkward names", "/?b=2&a=2&a=1&a-b=x%20y&c=%2F", "", nil},
		{"header values with inner and outer blanks", "/", "x", http.Header{"X-Amz-Meta": {"  a   b  "}}},
		{"a header that comes twice", "/", "x", http.Header{"X-Amz-Meta": {"a", "b"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := signed(t, tc.target, tc.body, tc.header)
			if err := verify(r, []byte(tc.body), "service", signedAt); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	replace := func(old, with string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, with, 1))
		}
	}
	for _, tc := range []struct {
		name    string
		change  func(*http.Request)
		body    string
		service string
		late    time.Duration
		want    Kind
		says    string
	}{
		{name: "no signature", change: func(r *http.Request) { r.Header.Del("Authorization") }, want: Missing,
			says: "Missing Authentication Token"},
		{name: "another algorithm", change: replace("AWS4-HMAC-SHA256", "AWS4-ECDSA"), want: Incomplete, says: "algorithm"},
		{name: "no signed headers", change: replace("SignedHeaders", "Headers"), want: Incomplete, says: "'SignedHeaders'"},
		{name: "a short credential", change: replace("/us-east-1", ""), want: Incomplete, says: "exactly 5"},
		{name: "no date", change: func(r *http.Request) { r.Header.Del("X-Amz-Date") }, want: Incomplete, says: "X-Amz-Date"},
		{name: "another terminator", change: replace("aws4_request", "aws5_request"), want: Mismatch, says: "terminator"},
		{name: "a region that is none", change: replace("us-east-1", "evil.example"), want: Mismatch, says: "valid region"},
		{name: "another region than was signed", change: replace("us-east-1", "us-east-2"), want: Mismatch, says: "does not match"},
		{name: "another service than the endpoint's", service: "sts", want: Mismatch, says: "correct service: 'sts'"},
		{name: "a scope of another day", change: replace("20150830", "20150829"), want: Mismatch, says: "Date in Credential scope"},
		{name: "a request six minutes old", late: 6 * time.Minute, want: Mismatch,
			says: "Signature expired: 20150830T123600Z is now earlier than 20150830T123700Z (20150830T124200Z - 5 min.)"},
		{name: "a request six minutes ahead", late: -6 * time.Minute, want: Mismatch, says: "Signature not yet current"},
		{name: "a tampered body", body: "{ }", want: Mismatch, says: "does not match"},
		{name: "a tampered signed header", change: func(r *http.Request) { r.Header.Set("X-Amz-Target", "b") }, want: Mismatch,
			says: "does not match"},
		{name: "another host", change: func(r *http.Request) { r.Host = "other.example" }, want: Mismatch, says: "does not match"},
		{name: "another path", change: func(r *http.Request) { r.URL.Path = "/x" }, want: Mismatch, says: "does not match"},
		{name: "an amz header that was not signed", change: func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "t") },
			want: Mismatch, says: "must be a 'SignedHeader'"},
		{name: "a host that was not signed", change: replace("host;", ""), want: Mismatch, says: "'Host' must be"},
		{name: "a declared body hash that is not the body's", change: func(r *http.Request) {
			r.Header.Set("X-Amz-Content-Sha256", "00")
			replace("host;", "host;x-amz-content-sha256;")(r)
		}, want: Mismatch, says: "x-amz-content-sha256"},
		{name: "one digit of the signature", change: func(r *http.Request) {
			a := r.Header.Get("Authorization")
			last := byte('0')
			if a[len(a)-1] == last {
				last = '1'
			}
			r.Header.Set("Authorization", a[:len(a)-1]+string(last))
		}, want: Mismatch, says: "does not match"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := signed(t, "/", "{}", http.Header{"X-Amz-Target": {"a"}})
			if tc.change != nil {
				tc.change(r)
			}
			if tc.body == "" {
				tc.body = "{}"
			}
			if tc.service == "" {
				tc.service = "service"
			}
			err := verify(r, []byte(tc.body), tc.service, signedAt.Add(tc.late))
			var refusal *Error
			if !errors.As(err, &refusal) || refusal.Kind != tc.want || !strings.Contains(refusal.Message, tc.says) {
				t.Errorf("got %v, want kind %s and %q", err, tc.want, tc.says)
			}
		})
	}
}

func TestAnotherSecretIsRefused(t *testing.T) {
	r := signed(t, "/", "{}", nil)
	s, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Check(r, []byte("{}"), exampleSecret+"x", "service", signedAt); err == nil {
		t.Error("it was accepted")
	}
}

func verify(r *http.Request, body []byte, service string, now time.Time) error {
	s, err := Parse(r)
	if err != nil {
		return err
	}
	return s.Check(r, body, exampleSecret, service, now)
}

// signed makes the request that a server would see of one that AWS's signer signed.
func signed(t *testing.T, target, body string, header http.Header) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://example.amazonaws.com"+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(r.Header, header)
	hash := sha256.Sum256([]byte(body))
	credentials := awssdk.Credentials{AccessKeyID: exampleKey, SecretAccessKey: exampleSecret}
	if err := v4.NewSigner().SignHTTP(t.Context(), credentials, r, hex.EncodeToString(hash[:]), "service", "us-east-1",
		signedAt); err != nil {
		t.Fatal(err)
	}
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		t.Fatal(err)
	}
	return received(t, &wire)
}

// received reads a request off the wire as net/http's server does.
func received(t *testing.T, wire io.Reader) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(wire))
	if err != nil {
		t.Fatal(err)
	}
	return r
}
