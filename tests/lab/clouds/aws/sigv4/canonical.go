package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const mismatch = "The request signature we calculated does not match the signature you provided. " +
	"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."

// Check proves the signature: that a holder of secret signed this request, with this body, for this
// service, within five minutes of now. An *Error says why not.
func (s Signature) Check(r *http.Request, body []byte, secret, service string, now time.Time) error {
	if err := s.check(r.Header, service, now); err != nil {
		return err
	}
	payload := hexSHA256(body)
	if declared := r.Header.Get("X-Amz-Content-Sha256"); declared != "" && declared != payload {
		return &Error{Mismatch, "The provided 'x-amz-content-sha256' header does not match what was computed."}
	}
	scope := strings.Join([]string{s.date, s.Region, s.Service, "aws4_request"}, "/")
	canonical := canonicalRequest(r, s.signedHeaders, payload)
	toSign := strings.Join([]string{algorithm, s.Time.Format(timeFormat), scope, hexSHA256([]byte(canonical))}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{s.date, s.Region, s.Service, "aws4_request", toSign} {
		key = hmacSHA256(key, part)
	}
	if subtle.ConstantTimeCompare([]byte(hex.EncodeToString(key)), []byte(s.value)) != 1 {
		return &Error{Mismatch, mismatch}
	}
	return nil
}

// canonicalRequest rebuilds the text that the signer must have signed.
func canonicalRequest(r *http.Request, signedHeaders []string, payload string) string {
	sorted := slices.Sorted(slices.Values(signedHeaders))
	var headers strings.Builder
	for _, name := range sorted {
		headers.WriteString(name + ":" + headerValue(r, name) + "\n")
	}
	return strings.Join([]string{
		r.Method, canonicalPath(r.URL), canonicalQuery(r.URL), headers.String(), strings.Join(sorted, ";"), payload,
	}, "\n")
}

// headerValue trims and joins the values of one header. Host and Content-Length are where net/http puts
// them, and not in the header map.
func headerValue(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	}
	values := slices.Clone(r.Header.Values(name))
	for i, v := range values {
		values[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(values, ",")
}

// canonicalPath encodes the path as it came once more, as all services but S3 want it.
func canonicalPath(u *url.URL) string {
	path := u.EscapedPath()
	if path == "" {
		return "/"
	}
	return escape(path, "/")
}

func canonicalQuery(u *url.URL) string {
	query := u.Query()
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(query)) {
		for _, v := range slices.Sorted(slices.Values(query[name])) {
			pairs = append(pairs, escape(name, "")+"="+escape(v, ""))
		}
	}
	return strings.Join(pairs, "&")
}

// escape is AWS's URI encoding: everything but A-Z a-z 0-9 - . _ ~ and what keep lists. Neither of the two
// in net/url is the same.
func escape(s, keep string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', strings.IndexByte("-._~"+keep, c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	return b.String()
}

func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func hmacSHA256(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
