// Package sigv4 verifies AWS Signature Version 4 from what came over the wire. AWS publishes signers only;
// the rules are those of "Create a signed AWS API request" in the IAM User Guide.
package sigv4

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	timeFormat = "20060102T150405Z"
	dateFormat = "20060102"
	// skew is how far a request's time may be from ours.
	skew = 5 * time.Minute
)

// Kind is why a signature is refused.
type Kind string

// The kinds of refusal.
const (
	// Missing: the request is not signed at all.
	Missing Kind = "missing"
	// Incomplete: a part of the signature is absent or malformed.
	Incomplete Kind = "incomplete"
	// Mismatch: the signature is not that of this request, of this time, or of this service.
	Mismatch Kind = "mismatch"
)

// Error refuses a signature. Message is worded as AWS does, and holds no key.
type Error struct {
	Kind    Kind
	Message string
}

func (e *Error) Error() string { return e.Message }

// Signature is what the Authorization and X-Amz-Date headers claim. Nothing of it is proved before Check.
type Signature struct {
	AccessKeyID string
	Region      string
	Service     string
	Time        time.Time

	date          string
	signedHeaders []string
	value         string
}

var (
	regionForm  = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-\d{1,2}$`)
	serviceForm = regexp.MustCompile(`^[a-z0-9-]+$`)
)

// Parse reads the signature's parts off the request's headers.
func Parse(r *http.Request) (Signature, error) {
	authorization := r.Header.Values("Authorization")
	if len(authorization) == 0 {
		return Signature{}, &Error{Missing, "Missing Authentication Token"}
	}
	rest, ok := strings.CutPrefix(authorization[0], algorithm+" ")
	if !ok || len(authorization) > 1 {
		return Signature{}, &Error{Incomplete, "Unsupported AWS 'algorithm' in the Authorization header."}
	}
	fields := map[string]string{}
	for field := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		fields[name] = value
	}
	for _, name := range []string{"Credential", "SignedHeaders", "Signature"} {
		if fields[name] == "" {
			return Signature{}, &Error{Incomplete, "Authorization header requires '" + name + "' parameter."}
		}
	}
	s := Signature{value: fields["Signature"], signedHeaders: strings.Split(fields["SignedHeaders"], ";")}
	if err := s.parseScope(fields["Credential"]); err != nil {
		return Signature{}, err
	}
	var err error
	if s.Time, err = time.Parse(timeFormat, r.Header.Get("X-Amz-Date")); err != nil {
		return Signature{}, &Error{Incomplete,
			"Authorization header requires existence of an 'X-Amz-Date' header in the form YYYYMMDD'T'HHMMSS'Z'."}
	}
	return s, nil
}

// parseScope reads <access key>/<date>/<region>/<service>/aws4_request.
func (s *Signature) parseScope(credential string) error {
	parts := strings.Split(credential, "/")
	if len(parts) != 5 || parts[0] == "" {
		return &Error{Incomplete, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term."}
	}
	s.AccessKeyID, s.date, s.Region, s.Service = parts[0], parts[1], parts[2], parts[3]
	switch {
	case parts[4] != "aws4_request":
		return &Error{Mismatch, "Credential should be scoped with a valid terminator: 'aws4_request'."}
	case !regionForm.MatchString(s.Region):
		return &Error{Mismatch, "Credential should be scoped to a valid region."}
	case !serviceForm.MatchString(s.Service):
		return &Error{Mismatch, "Credential should be scoped to a valid service."}
	}
	return nil
}

// check refuses a signature for another service, of another time, or that leaves out headers that must
// be signed. It is a pure function of its arguments.
func (s Signature) check(h http.Header, service string, now time.Time) error {
	if s.Service != service {
		return &Error{Mismatch, "Credential should be scoped to correct service: '" + service + "'."}
	}
	if s.date != s.Time.Format(dateFormat) {
		return &Error{Mismatch, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP."}
	}
	at, oldest, newest := s.Time.Format(timeFormat), now.Add(-skew), now.Add(skew)
	switch {
	case s.Time.Before(oldest):
		return &Error{Mismatch, "Signature expired: " + at + " is now earlier than " + oldest.UTC().Format(timeFormat) +
			" (" + now.UTC().Format(timeFormat) + " - 5 min.)"}
	case s.Time.After(newest):
		return &Error{Mismatch, "Signature not yet current: " + at + " is still later than " + newest.UTC().Format(timeFormat) +
			" (" + now.UTC().Format(timeFormat) + " + 5 min.)"}
	}
	if !slices.Contains(s.signedHeaders, "host") {
		return &Error{Mismatch, "'Host' must be a 'SignedHeader' in the AWS Authorization."}
	}
	for name := range h {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "x-amz-") && !slices.Contains(s.signedHeaders, lower) {
			return &Error{Mismatch, "'" + name + "' must be a 'SignedHeader' in the AWS Authorization."}
		}
	}
	return nil
}
