package kms

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"
)

// The stages that KMS moves by itself.
const (
	current  = "ACSCurrent"
	previous = "ACSPrevious"
)

// maxVersions is how many versions of a secret are kept.
const maxVersions = 100

// Secret is a value to write: a text or bytes.
type Secret struct {
	Name   string `json:"name"`
	Text   string `json:"string,omitempty"`
	Binary []byte `json:"binary,omitempty"` // base64 in JSON
	// VersionID is the writer's to choose, and must be new; empty: one is made up.
	VersionID string `json:"versionId,omitempty"`
}

// Listed is a secret without its value.
type Listed struct {
	Name      string `json:"name"`
	ARN       string `json:"arn"`
	VersionID string `json:"versionId"`
}

type version struct {
	Secret
	id      string
	created time.Time
	stages  []string
}

// store holds versions, newest first, by region and name.
type store struct {
	mu      sync.RWMutex
	secrets map[string]map[string][]version
	made    int // of version ids
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9_/+=.@-]{1,64}$`)

// Put makes each value the ACSCurrent version of its secret in the region. If one is refused, none is written.
func (s *Service) Put(region string, now time.Time, secrets ...Secret) error {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	for _, secret := range secrets {
		if err := s.store.check(region, secret); err != nil {
			return err
		}
	}
	for _, secret := range secrets {
		s.store.add(region, secret, now)
	}
	return nil
}

func (s *store) check(region string, secret Secret) error {
	if !nameForm.MatchString(secret.Name) {
		return fmt.Errorf("secret name %q: give 1 to 64 letters, digits and _/+=.@-", secret.Name)
	}
	if (secret.Text == "") == (secret.Binary == nil) {
		return fmt.Errorf("secret %s: give a string that is not empty, or binary", secret.Name)
	}
	known := func(v version) bool { return v.id == secret.VersionID }
	if secret.VersionID != "" && slices.ContainsFunc(s.secrets[region][secret.Name], known) {
		return fmt.Errorf("secret %s has a version %s already: give another versionId", secret.Name, secret.VersionID)
	}
	return nil
}

// add moves the stages: the new version is current, and the one that was is previous.
func (s *store) add(region string, secret Secret, now time.Time) {
	if s.secrets == nil {
		s.secrets = map[string]map[string][]version{}
	}
	if s.secrets[region] == nil {
		s.secrets[region] = map[string][]version{}
	}
	s.made++
	added := version{Secret: secret, id: secret.VersionID, created: now, stages: []string{current}}
	if added.id == "" {
		added.id = "v" + strconv.Itoa(s.made)
	}
	versions := []version{added}
	for i, old := range s.secrets[region][secret.Name] {
		old.stages = nil
		if i == 0 {
			old.stages = []string{previous}
		}
		versions = append(versions, old)
	}
	s.secrets[region][secret.Name] = versions[:min(len(versions), maxVersions)]
}

// find returns the version of an id and a stage, where each counts if it is given.
func (s *store) find(region, name, id, stage string) (version, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, v := range s.secrets[region][name] {
		if (id == "" || v.id == id) && (stage == "" || slices.Contains(v.stages, stage)) {
			return v, true
		}
	}
	return version{}, false
}

// Delete removes secrets at once; names that do not exist are passed over.
func (s *Service) Delete(region string, names ...string) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	for _, name := range names {
		delete(s.store.secrets[region], name)
	}
}

// DeleteAll removes every secret of the region.
func (s *Service) DeleteAll(region string) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	delete(s.store.secrets, region)
}

// List lists the region's secrets by name, without values.
func (s *Service) List(region string) []Listed {
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	listed := []Listed{}
	for _, name := range slices.Sorted(maps.Keys(s.store.secrets[region])) {
		listed = append(listed, Listed{Name: name, ARN: s.prefix(region) + name, VersionID: s.store.secrets[region][name][0].id})
	}
	return listed
}
