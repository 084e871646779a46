// Package metadata emulates what AWS offers to programs on its machines: the Instance Metadata Service, version 2, and the
// EKS Pod Identity Agent. Both hand out credentials of roles, and prove who asks in their own ways.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
// https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html
package metadata

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/sts"
)

// lifetime is of the credentials of instances and pods.
const lifetime = 6 * time.Hour

// Service is one machine's metadata.
type Service struct {
	Directory *iam.Directory
	// Tokens proves the tokens of pods.
	Tokens *sts.Service

	mu       sync.Mutex
	role     string               // of the instance
	sessions map[string]time.Time // tokens of the metadata service, and when they end
	keys     map[string]string    // by role: the access key id that was handed out last
}

// Request is what a program asks for, and of whom.
type Request struct {
	// Service is imds or podidentity; Operation names the answer.
	Service, Operation string
	handle             func(now time.Time) Answer
}

// Answer is an HTTP answer. Code is for counters.
type Answer struct {
	Status int
	Code   string
	Type   string
	Body   []byte
}

// Handle answers the request.
func (r Request) Handle(now time.Time) Answer { return r.handle(now) }

// Route reports whether a request is for this package, and what it asks for.
func (s *Service) Route(r *http.Request) (Request, bool) {
	const credentials = "/latest/meta-data/iam/security-credentials/"
	role, ofRole := strings.CutPrefix(r.URL.Path, credentials)
	switch {
	case r.URL.Path == "/latest/api/token":
		return Request{"imds", "Token", func(now time.Time) Answer { return s.token(r, now) }}, true
	case ofRole && role == "":
		return Request{"imds", "Role", func(now time.Time) Answer { return s.proved(r, now, s.instanceRole) }}, true
	case ofRole:
		return Request{"imds", "Credentials", func(now time.Time) Answer {
			return s.proved(r, now, func(now time.Time) Answer { return s.instanceCredentials(role, now) })
		}}, true
	case strings.HasPrefix(r.URL.Path, "/latest/"):
		return Request{"imds", "unknown", func(time.Time) Answer { return refuse(http.StatusNotFound, "NotFound") }}, true
	case r.URL.Path == "/v1/credentials":
		return Request{"podidentity", "Credentials", func(now time.Time) Answer { return s.podCredentials(r, now) }}, true
	}
	return Request{}, false
}

// credential begins a session of a role, or finds the one that was begun before: the metadata service and the agent give the
// same credentials until they near their end.
func (s *Service) credential(role, name string, now time.Time) (iam.Credential, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.Directory.Credential(s.keys[role+"/"+name])
	if ok && known.Expiration.Sub(now) > 5*time.Minute {
		return known, nil
	}
	begun, err := s.Directory.StartSession(role, iam.Session{Name: name, Expiration: now.Add(lifetime).UTC().Truncate(time.Second)}, now)
	if err != nil {
		return iam.Credential{}, err
	}
	if s.keys == nil {
		s.keys = map[string]string{}
	}
	s.keys[role+"/"+name] = begun.AccessKeyID
	return begun, nil
}

func refuse(status int, code string) Answer {
	return Answer{Status: status, Code: code, Type: "text/plain", Body: []byte(http.StatusText(status) + "\n")}
}

func answer(v any) Answer {
	body, err := json.Marshal(v)
	if err != nil {
		return refuse(http.StatusInternalServerError, "InternalError")
	}
	return Answer{Status: http.StatusOK, Code: "OK", Type: "application/json", Body: body}
}
