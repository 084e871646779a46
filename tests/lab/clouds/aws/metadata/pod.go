package metadata

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// podAudience is that of the tokens which EKS mounts into pods.
const podAudience = "pods.eks.amazonaws.com"

// podCredentials takes a pod's token for the role that is associated with the pod's service account.
func (s *Service) podCredentials(r *http.Request, now time.Time) Answer {
	raw := r.Header.Get("Authorization")
	if r.Method != http.MethodGet || raw == "" {
		return refuse(http.StatusBadRequest, "BadRequest")
	}
	claims, _, err := s.Tokens.Verify(raw, now)
	if err != nil {
		code, why, _ := strings.Cut(err.Error(), ": ")
		return says(http.StatusBadRequest, code, why)
	}
	if !slices.Contains(claims.Audience, podAudience) {
		return says(http.StatusBadRequest, "InvalidTokenException", "the audience is not "+podAudience)
	}
	role, ok := s.Directory.Associated(claims.Subject)
	if !ok {
		return says(http.StatusNotFound, "ResourceNotFoundException", "no role is associated with "+claims.Subject)
	}
	c, err := s.credential(role.ARN, "eks-lab-"+claims.Subject[strings.LastIndex(claims.Subject, ":")+1:], now)
	if err != nil {
		return says(http.StatusNotFound, "ResourceNotFoundException", "the role is gone")
	}
	return answer(map[string]string{
		"AccessKeyId": c.AccessKeyID, "SecretAccessKey": c.SecretAccessKey, "Token": c.SessionToken, "AccountId": c.Caller.Account,
		"Expiration": c.Expiration.Format(time.RFC3339),
	})
}

// says refuses in the agent's manner: a line of text.
func says(status int, code, why string) Answer {
	return Answer{Status: status, Code: code, Type: "text/plain", Body: []byte("(" + code + "): " + why)}
}
