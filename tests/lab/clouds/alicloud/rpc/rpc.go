// Package rpc verifies the signature of Alibaba Cloud's RPC-style requests from what came over the wire: HMAC-SHA1 over
// all parameters. https://www.alibabacloud.com/help/en/sdk/product-overview/rpc-mechanism
package rpc

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/api"
)

const (
	timeFormat = "2006-01-02T15:04:05Z"
	// skew is how far a request's time may be from ours.
	skew = 15 * time.Minute
)

// Request is what a call asks for: the parameters of its query and of its form. Nothing of it is proved before Check.
type Request struct {
	Method string
	Params map[string]string
}

// Parse collects the parameters. One that is there twice is refused, since it would have two meanings.
func Parse(r *http.Request, body []byte) (Request, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return Request{}, malformed()
	}
	form := url.Values{}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		if form, err = url.ParseQuery(string(body)); err != nil {
			return Request{}, malformed()
		}
	}
	q := Request{Method: r.Method, Params: map[string]string{}}
	for _, values := range []url.Values{query, form} {
		for name, value := range values {
			if _, twice := q.Params[name]; twice || len(value) > 1 {
				return Request{}, malformed()
			}
			q.Params[name] = value[0]
		}
	}
	return q, nil
}

func malformed() error {
	return api.Errorf(http.StatusBadRequest, "InvalidParameter", "The specified parameter is not valid.")
}

// Check refuses a request that was not signed with the secret, or not at this time. It is a pure function of its arguments.
func (q Request) Check(secret string, now time.Time) error {
	for _, name := range []string{"Signature", "SignatureNonce", "SignatureMethod", "SignatureVersion"} {
		if q.Params[name] == "" {
			return api.Missing(name)
		}
	}
	for name, want := range map[string]string{"SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0"} {
		if q.Params[name] != want {
			return api.Errorf(http.StatusBadRequest, "Invalid"+name, "The specified parameter %s is not supported here.", name)
		}
	}
	at, err := time.Parse(timeFormat, q.Params["Timestamp"])
	switch {
	case q.Params["Timestamp"] == "":
		return api.Errorf(http.StatusBadRequest, "IllegalTimestamp", "%s", api.Missing("Timestamp").Message)
	case err != nil:
		return api.Errorf(http.StatusBadRequest, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.")
	case now.Sub(at).Abs() > skew:
		return api.Errorf(http.StatusBadRequest, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
	}
	text := q.stringToSign()
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	mac.Write([]byte(text))
	want := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if subtle.ConstantTimeCompare([]byte(want), []byte(q.Params["Signature"])) != 1 {
		// Alibaba Cloud does quote the whole of it, the security token included.
		return api.Errorf(http.StatusBadRequest, "SignatureDoesNotMatch",
			"Specified signature is not matched with our calculation. server string to sign is:%s", text)
	}
	return nil
}

func (q Request) stringToSign() string {
	var canonical []string
	for _, name := range slices.Sorted(maps.Keys(q.Params)) {
		if name != "Signature" {
			canonical = append(canonical, escape(name)+"="+escape(q.Params[name]))
		}
	}
	return q.Method + "&" + escape("/") + "&" + escape(strings.Join(canonical, "&"))
}

// escape is percent-encoding by RFC 3986.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
