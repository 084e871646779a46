package secretsmanager

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/api"
)

// The methods in this file are the test's own hand: no signature, no permission, no counter.

// Secret is a name and its next value: String, or Binary where that is set. Tags take the place of those that it had; nil: it keeps them.
type Secret struct {
	Name   string            `json:"name"`
	String string            `json:"string,omitempty"`
	Binary []byte            `json:"binary,omitempty"`
	Tags   map[string]string `json:"tags,omitempty"`
}

// Listed is what is known of a secret without its value.
type Listed struct {
	Name string `json:"name"`
	ARN  string `json:"arn"`
	// VersionID is of the AWSCURRENT version.
	VersionID string `json:"versionId"`
	Deleted   bool   `json:"deleted,omitempty"`
}

// Put makes each value the AWSCURRENT version of its secret, and creates secrets that do not exist. A
// secret in its recovery window is restored. All or nothing: if one is refused, none is written.
func (s *Service) Put(region string, now time.Time, secrets ...Secret) error {
	return s.write(region, now, secrets, false)
}

// Rotate is Put for secrets that must exist, so that a mistyped name is noticed.
func (s *Service) Rotate(region string, now time.Time, secrets ...Secret) error {
	return s.write(region, now, secrets, true)
}

func (s *Service) write(region string, now time.Time, secrets []Secret, mustExist bool) error {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	for i, in := range secrets {
		if !nameForm.MatchString(in.Name) {
			return fmt.Errorf("secret %d is named %q: use 1 to 512 of the characters A-Za-z0-9/_+=.@!-", i, in.Name)
		}
		if err := in.value(api.NewID()).check(); err != nil {
			return fmt.Errorf("secret %q: %w", in.Name, err)
		}
		if mustExist && s.store.find(region, in.Name, now) == nil {
			return fmt.Errorf("secret %q does not exist in region %q: put it first", in.Name, region)
		}
	}
	for _, in := range secrets {
		sec := s.store.find(region, in.Name, now)
		if sec == nil {
			sec = s.store.insert(region, in.Name, now)
		}
		sec.deletedAt, sec.deleteAt = time.Time{}, time.Time{}
		if in.Tags != nil {
			sec.tags = in.tags()
		}
		n := in.value(api.NewID())
		sec.add(&version{id: n.ClientRequestToken, value: n.value(), created: now}, []string{current})
	}
	return nil
}

func (in Secret) tags() []Tag {
	var tags []Tag
	for _, key := range slices.Sorted(maps.Keys(in.Tags)) {
		tags = append(tags, Tag{Key: key, Value: in.Tags[key]})
	}
	return tags
}

func (in Secret) value(token string) newValue {
	n := newValue{ClientRequestToken: token, SecretBinary: in.Binary}
	if in.String != "" {
		n.SecretString = &in.String
	}
	return n
}

// Delete removes secrets at once, without a recovery window. Names that do not exist are passed over.
func (s *Service) Delete(region string, names ...string) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	for _, name := range names {
		delete(s.store.regions[region], name)
	}
}

// DeleteAll removes every secret of a region.
func (s *Service) DeleteAll(region string) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	delete(s.store.regions, region)
}

// List tells a region's secrets, ordered by name.
func (s *Service) List(region string, now time.Time) []Listed {
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	listed := []Listed{}
	for _, name := range s.store.names(region) {
		sec := s.store.regions[region][name]
		if sec.gone(now) {
			continue
		}
		l := Listed{Name: sec.name, ARN: sec.arn, Deleted: sec.deleted()}
		if v := sec.withStage(current); v != nil {
			l.VersionID = v.id
		}
		listed = append(listed, l)
	}
	return listed
}
