package awssession

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// session is one identity's credentials, had by another session, or by the SDK's chain where by is nil.
type session struct {
	cache *aws.CredentialsCache
	by    *session
	// lastUsed is guarded by the Sessions that hold this one.
	lastUsed time.Time

	mu sync.Mutex
	// dropped is the access key id that was last found to have ended early.
	dropped string
}

func cached(provider aws.CredentialsProvider) *aws.CredentialsCache {
	if cache, ok := provider.(*aws.CredentialsCache); ok {
		return cache
	}
	return aws.NewCredentialsCache(provider, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = expiryWindow })
}

// retrieve returns the credentials, if need be after getting new ones. The session that they are had by may have ended
// before its time, too.
func (s *session) retrieve(ctx context.Context) (aws.Credentials, error) {
	var had aws.Credentials
	if s.by != nil {
		var err error
		if had, err = s.by.retrieve(ctx); err != nil {
			return aws.Credentials{}, err
		}
	}
	current, err := s.cache.Retrieve(ctx)
	if err != nil && s.by != nil && expired(err, had) {
		s.by.drop(had)
		if _, err = s.by.retrieve(ctx); err != nil { // what it was had by may have ended, too
			return aws.Credentials{}, err
		}
		current, err = s.cache.Retrieve(ctx)
	}
	if err != nil {
		return aws.Credentials{}, &CredentialsError{err: err}
	}
	return current, nil
}

// drop forgets credentials that have ended. Many callers find out at the same time, and the later ones must not
// drop what the first one got in their place.
func (s *session) drop(used aws.Credentials) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dropped == used.AccessKeyID {
		return
	}
	s.dropped = used.AccessKeyID
	s.cache.Invalidate()
}

func static(c aws.Credentials) aws.CredentialsProvider {
	return credentials.StaticCredentialsProvider{Value: c}
}
