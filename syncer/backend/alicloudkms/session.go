package alicloudkms

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"
	"golang.org/x/sync/singleflight"
)

const (
	// sessionName is what the audit log calls us, as AWS's does.
	sessionName = "k8s-external-secrets"
	// sessionTime is what every role allows.
	sessionTime = time.Hour
	// renewBefore is how long before its end a session makes way for a new one.
	renewBefore = 5 * time.Minute
	// maxSessions bounds what is kept: roles are named by whoever writes objects.
	maxSessions = 1000
)

// session is a role's key and how long it works.
type session struct {
	key
	expires time.Time
	// spare is when a renewal that failed is tried again, while the key still works.
	spare time.Time
}

// fresh tells a session that can be used without more ado.
func (s session) fresh(now time.Time) bool {
	return s.works(now) && (s.expires.Sub(now) > renewBefore || now.Before(s.spare))
}

func (s session) works(now time.Time) bool { return now.Before(s.expires) }

// sessions keeps one session per role.
type sessions struct {
	config Config
	sts    endpoint
	caller *caller
	flight singleflight.Group

	mu     sync.Mutex
	byRole map[string]session
}

// key is that of a role's session, or without a role the syncer's own; never the one of the id that was rejected. However
// many wait for a session, it is begun once, and goes on when one of them gives up.
func (s *sessions) key(ctx context.Context, role, rejected string) (key, error) {
	if s.config.AccessKeyID == "" || s.config.AccessKeySecret == "" {
		return key{}, errNoKey
	}
	if role == "" {
		return key{id: s.config.AccessKeyID, secret: s.config.AccessKeySecret}, nil
	}
	if known := s.known(role, rejected); known.fresh(s.config.Now()) {
		return known.key, nil
	}
	done := s.flight.DoChan(role, func() (_ any, err error) {
		defer func() {
			if recover() != nil { // singleflight would end the process
				err = &sessionError{errors.New("beginning it panicked")}
			}
		}()
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.Timeout)
		defer cancel()
		return s.obtain(limited, role, rejected)
	})
	select {
	case result := <-done:
		k, _ := result.Val.(key)
		return k, result.Err
	case <-ctx.Done():
		return key{}, ctx.Err()
	}
}

func (s *sessions) obtain(ctx context.Context, role, rejected string) (key, error) {
	old := s.known(role, rejected)
	if old.fresh(s.config.Now()) {
		return old.key, nil
	}
	begun, err := s.begin(ctx, role)
	now := s.config.Now()
	switch {
	case err == nil:
		s.keep(role, begun)
		return begun.key, nil
	case old.works(now):
		// Its remaining time is divided up, so that not every read tries to begin another.
		old.spare = now.Add(old.expires.Sub(now) / 4)
		s.keep(role, old)
		return old.key, nil
	}
	return key{}, &sessionError{err}
}

// begin is https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerole.
func (s *sessions) begin(ctx context.Context, role string) (session, error) {
	request, answer := sts.CreateAssumeRoleRequest(), sts.CreateAssumeRoleResponse()
	request.RoleArn, request.RoleSessionName = role, sessionName
	request.DurationSeconds = requests.NewInteger(int(sessionTime / time.Second))
	own := key{id: s.config.AccessKeyID, secret: s.config.AccessKeySecret}
	asked := s.config.Now()
	if err := s.caller.call(ctx, s.sts, own, request, answer); err != nil {
		return session{}, err
	}
	c := answer.Credentials
	if c.AccessKeyId == "" || c.AccessKeySecret == "" || c.SecurityToken == "" {
		return session{}, errGarbage
	}
	// By our own clock, which may not be theirs: the time that was asked for is the time that is given.
	return session{key: key{id: c.AccessKeyId, secret: c.AccessKeySecret, token: c.SecurityToken}, expires: asked.Add(sessionTime)}, nil
}

func (s *sessions) known(role, rejected string) session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.byRole[role]; rejected == "" || known.id != rejected {
		return known
	}
	return session{}
}

// keep makes room where there is none, at the cost of the session that ends first.
func (s *sessions) keep(role string, begun session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.byRole[role]; !known && len(s.byRole) >= maxSessions {
		first := ""
		for other, kept := range s.byRole {
			if first == "" || kept.expires.Before(s.byRole[first].expires) {
				first = other
			}
		}
		delete(s.byRole, first)
	}
	s.byRole[role] = begun
}
