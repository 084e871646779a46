package ssm

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// The methods in this file are the test's own hand: no signature, no permission, no counter.

// Parameter is a name and its next version.
type Parameter struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	// Type is String, StringList or SecureString; empty means SecureString.
	Type string `json:"type,omitempty"`
	// KeyID of a SecureString: the ARN of a KMS key, which readers then need kms:Decrypt on; empty means AWS's own key.
	KeyID string `json:"keyId,omitempty"`
	// Labels move to this version.
	Labels []string `json:"labels,omitempty"`
	// Tags take the place of those that the parameter had; nil: it keeps them.
	Tags map[string]string `json:"tags,omitempty"`
}

// Listed is what is known of a parameter without its value.
type Listed struct {
	Name    string `json:"name"`
	ARN     string `json:"arn"`
	Type    string `json:"type"`
	Version int64  `json:"version"`
}

// Put gives parameters a new version, and creates those that do not exist. If one's form is wrong, none is written.
func (s *Service) Put(region string, now time.Time, parameters ...Parameter) error {
	versions := make([]*version, len(parameters))
	for i, in := range parameters {
		versions[i] = &version{kind: cmp.Or(in.Type, "SecureString"), keyID: in.KeyID, value: in.Value, modified: now}
		if err := cmp.Or(checkName(in.Name), versions[i].check()); err != nil {
			return fmt.Errorf("parameter %d, %q: %w", i, in.Name, err)
		}
		for _, label := range in.Labels {
			if !labelForm.MatchString(label) {
				return fmt.Errorf("parameter %d, %q: the label %q is not one", i, in.Name, label)
			}
		}
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	for i, in := range parameters {
		if err := s.store.put(region, in.Name, versions[i]); err != nil {
			return err
		}
		p := s.store.regions[region][in.Name]
		p.label(versions[i], in.Labels)
		if in.Tags != nil {
			p.tags = maps.Clone(in.Tags)
		}
	}
	return nil
}

// Delete removes parameters. Names that do not exist are passed over.
func (s *Service) Delete(region string, names ...string) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	for _, name := range names {
		delete(s.store.regions[region], name)
	}
}

// DeleteAll removes every parameter of a region.
func (s *Service) DeleteAll(region string) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	delete(s.store.regions, region)
}

// List tells a region's parameters, ordered by name.
func (s *Service) List(region string) []Listed {
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	listed := []Listed{}
	for _, name := range slices.Sorted(maps.Keys(s.store.regions[region])) {
		v := s.store.regions[region][name].newest()
		listed = append(listed, Listed{Name: name, ARN: s.store.arn(region, name), Type: v.kind, Version: v.number})
	}
	return listed
}
