package awssession

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// maxSessions bounds the roles whose sessions are kept. Objects name roles, those that nobody may assume included. Beyond
// it, the role that was not used for longest is forgotten, and its next read begins a new session.
const maxSessions = 4096

type roleKey struct{ role, region string }

// session finds or makes the session of a role: that of the syncer's own identity, of the intermediate role, or of the
// object's role on top of them.
func (s *Sessions) session(role, region string) *session {
	if s.config.Region != "" {
		region = s.config.Region
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	base := s.own
	if s.config.IntermediateRoleARN != "" {
		base = s.assumed(base, s.config.IntermediateRoleARN, region)
	}
	if role == "" || role == s.config.IntermediateRoleARN {
		return base
	}
	return s.assumed(base, role, region)
}

func (s *Sessions) assumed(by *session, role, region string) *session {
	key := roleKey{role, region}
	known, ok := s.roles[key]
	if !ok {
		client := sts.NewFromConfig(s.aws, s.config.stsEndpoint(region), func(o *sts.Options) {
			o.Credentials = by.cache
		})
		provider := stscreds.NewAssumeRoleProvider(client, role, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName, o.Duration = sessionName, sessionDuration
		})
		known = &session{cache: cached(provider), by: by}
		s.forget(time.Now())
		s.roles[key] = known
	}
	known.lastUsed = time.Now()
	return known
}

// forget makes room for a role: those unused for a session's length go, since nothing of theirs is valid any more, and if
// that is not enough, the one unused for longest.
func (s *Sessions) forget(now time.Time) {
	var oldest roleKey
	for key, known := range s.roles {
		if now.Sub(known.lastUsed) > sessionDuration {
			delete(s.roles, key)
		} else if first, ok := s.roles[oldest]; !ok || known.lastUsed.Before(first.lastUsed) {
			oldest = key
		}
	}
	if len(s.roles) >= maxSessions {
		delete(s.roles, oldest)
	}
}
