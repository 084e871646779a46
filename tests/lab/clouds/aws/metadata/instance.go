package metadata

import (
	"crypto/rand"
	"net/http"
	"path"
	"strconv"
	"time"
)

// SetInstanceRole gives the machine a role by its ARN; empty takes it away.
func (s *Service) SetInstanceRole(arn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.role = arn
}

// token begins a session of the metadata service. A request that came through a proxy gets none.
func (s *Service) token(r *http.Request, now time.Time) Answer {
	seconds, err := strconv.Atoi(r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds"))
	switch {
	case r.Method != http.MethodPut:
		return refuse(http.StatusMethodNotAllowed, "MethodNotAllowed")
	case r.Header.Get("X-Forwarded-For") != "":
		return refuse(http.StatusForbidden, "Forbidden")
	case err != nil || seconds < 1 || seconds > 21600:
		return refuse(http.StatusBadRequest, "BadRequest")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions == nil {
		s.sessions = map[string]time.Time{}
	}
	token := rand.Text() + rand.Text()
	s.sessions[token] = now.Add(time.Duration(seconds) * time.Second)
	return Answer{Status: http.StatusOK, Code: "OK", Type: "text/plain", Body: []byte(token)}
}

// proved lets a request through that bears a token. Version 1 of the service, which asks for none, is off.
func (s *Service) proved(r *http.Request, now time.Time, handle func(time.Time) Answer) Answer {
	if r.Method != http.MethodGet {
		return refuse(http.StatusMethodNotAllowed, "MethodNotAllowed")
	}
	s.mu.Lock()
	end, ok := s.sessions[r.Header.Get("X-Aws-Ec2-Metadata-Token")]
	s.mu.Unlock()
	if !ok || !now.Before(end) {
		return refuse(http.StatusUnauthorized, "Unauthorized")
	}
	return handle(now)
}

// instanceRole tells the name of the role.
func (s *Service) instanceRole(time.Time) Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.role == "" {
		return refuse(http.StatusNotFound, "NotFound")
	}
	return Answer{Status: http.StatusOK, Code: "OK", Type: "text/plain", Body: []byte(path.Base(s.role))}
}

func (s *Service) instanceCredentials(name string, now time.Time) Answer {
	s.mu.Lock()
	role := s.role
	s.mu.Unlock()
	if role == "" || path.Base(role) != name {
		return refuse(http.StatusNotFound, "NotFound")
	}
	c, err := s.credential(role, "i-0123456789abcdef0", now)
	if err != nil {
		return refuse(http.StatusNotFound, "NotFound")
	}
	return answer(map[string]string{
		"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": now.UTC().Format(time.RFC3339),
		"AccessKeyId": c.AccessKeyID, "SecretAccessKey": c.SecretAccessKey, "Token": c.SessionToken,
		"Expiration": c.Expiration.Format(time.RFC3339),
	})
}
