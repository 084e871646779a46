// Package secretmanager emulates Google Secret Manager: AccessSecretVersion and ListSecrets as its API reference describes them, over
// secrets of a region or of none, whose versions are enabled, disabled or destroyed, and may have aliases.
// https://cloud.google.com/secret-manager/docs/reference/rpc/google.cloud.secretmanager.v1
package secretmanager

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"sync"
)

// Secret is a value to store: String or, where that is empty, Binary.
type Secret struct {
	Name   string `json:"name"`
	String string `json:"string"`
	Binary []byte `json:"binary"`
	// Location is the region of a regional secret; empty: it is of none.
	Location string `json:"location,omitempty"`
	// Labels replace those of the secret, unless they are nil.
	Labels map[string]string `json:"labels,omitempty"`
}

func (s Secret) at() place { return place{s.Location, s.Name} }

// place is where a project keeps a secret.
type place struct{ location, name string }

// Listed is a secret without its values.
type Listed struct {
	Name string `json:"name"`
	// Versions are the states of its versions; the first is of version 1.
	Versions []State        `json:"versions"`
	Aliases  map[string]int `json:"aliases,omitempty"`
}

// State is whether a version can be read.
type State string

// The states of a version. A destroyed one has no value any more.
const (
	Enabled   State = "ENABLED"
	Disabled  State = "DISABLED"
	Destroyed State = "DESTROYED"
)

// maxPayload is Google's limit, in bytes.
const maxPayload = 65536

var (
	placeForm = regexp.MustCompile(`^[a-z0-9-]*$`)
	nameForm  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
	aliasForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,62}$`)
)

// Store holds the secrets of all projects. Make it with New.
type Store struct {
	mu       sync.RWMutex
	projects map[string]*project // by id
	ids      map[string]string   // by number
}

type project struct {
	id, number string
	secrets    map[place]*secret
}

type secret struct {
	labels   map[string]string
	versions []version
	aliases  map[string]int
}

type version struct {
	state   State
	payload []byte
}

// New makes a store without projects.
func New() *Store { return &Store{projects: map[string]*project{}, ids: map[string]string{}} }

// PutProject adds a project, unless it is there.
func (s *Store) PutProject(id, number string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if other, ok := s.ids[number]; ok && other != id {
		return fmt.Errorf("project number %s already belongs to %s: give project %s another", number, other, id)
	}
	if _, err := strconv.ParseUint(number, 10, 63); err != nil || id == "" {
		return fmt.Errorf("project %q with the number %q: give an id, and a number of digits", id, number)
	}
	if s.projects[id] == nil {
		s.projects[id], s.ids[number] = &project{id: id, number: number, secrets: map[place]*secret{}}, id
	}
	return nil
}

// Put adds a version to each secret, and creates those that do not exist, unless they must. If one is refused, none is
// written.
func (s *Store) Put(projectID string, mustExist bool, secrets ...Secret) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.project(projectID)
	if err != nil {
		return err
	}
	for _, in := range secrets {
		switch {
		case !nameForm.MatchString(in.Name):
			return fmt.Errorf("secret name %q: use 1 to 255 letters, digits, _ and -", in.Name)
		case !placeForm.MatchString(in.Location):
			return fmt.Errorf("secret %q: location %q: use a region such as europe-west1", in.Name, in.Location)
		case mustExist && p.secrets[in.at()] == nil:
			return fmt.Errorf("secret %q does not exist in project %s", in.Name, projectID)
		case len(in.payload()) > maxPayload:
			return fmt.Errorf("the payload of secret %q is larger than %d bytes", in.Name, maxPayload)
		}
	}
	for _, in := range secrets {
		if p.secrets[in.at()] == nil {
			p.secrets[in.at()] = &secret{aliases: map[string]int{}}
		}
		sec := p.secrets[in.at()]
		if in.Labels != nil {
			sec.labels = in.Labels
		}
		sec.versions = append(sec.versions, version{state: Enabled, payload: in.payload()})
	}
	return nil
}

func (s Secret) payload() []byte {
	if s.String != "" {
		return []byte(s.String)
	}
	return s.Binary
}

// Delete removes secrets of no region; names that do not exist are passed over. Without names it removes all of the project.
func (s *Store) Delete(projectID string, names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.projects[projectID]
	if p == nil {
		return
	}
	if len(names) == 0 {
		clear(p.secrets)
	}
	for _, name := range names {
		delete(p.secrets, place{name: name})
	}
}

// SetState enables, disables or destroys a version; the first is 1. A destroyed one stays so.
func (s *Store) SetState(projectID, name string, number int, state State) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec, err := s.versioned(projectID, name, number)
	if err != nil {
		return err
	}
	v := &sec.versions[number-1]
	if state != Enabled && state != Disabled && state != Destroyed || v.state == Destroyed && state != Destroyed {
		return fmt.Errorf("version %d of secret %q is %s and cannot become %q: use ENABLED, DISABLED or, for good, DESTROYED",
			number, name, v.state, state)
	}
	v.state = state
	if state == Destroyed {
		v.payload = nil
	}
	return nil
}

// SetAlias lets an alias name a version.
func (s *Store) SetAlias(projectID, name, alias string, number int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec, err := s.versioned(projectID, name, number)
	if err != nil {
		return err
	}
	if !aliasForm.MatchString(alias) || alias == latest {
		return fmt.Errorf("alias %q: use up to 63 letters, digits, _ and -, a letter first, and not latest", alias)
	}
	sec.aliases[alias] = number
	return nil
}

// Listed lists a project's secrets of no region by name.
func (s *Store) Listed(projectID string) []Listed {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := []Listed{}
	p := s.projects[projectID]
	if p == nil {
		return all
	}
	for _, name := range p.names("") {
		sec := p.secrets[place{name: name}]
		listed := Listed{Name: name, Aliases: maps.Clone(sec.aliases)}
		for _, v := range sec.versions {
			listed.Versions = append(listed.Versions, v.state)
		}
		all = append(all, listed)
	}
	return all
}

// names lists the secrets of a region.
func (p *project) names(location string) []string {
	var all []string
	for at := range p.secrets {
		if at.location == location {
			all = append(all, at.name)
		}
	}
	slices.Sort(all)
	return all
}

func (s *Store) project(id string) (*project, error) {
	if p := s.projects[id]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("project %q does not exist: add it first", id)
}

func (s *Store) versioned(projectID, name string, number int) (*secret, error) {
	p, err := s.project(projectID)
	if err != nil {
		return nil, err
	}
	sec := p.secrets[place{name: name}]
	if sec == nil || number < 1 || number > len(sec.versions) {
		return nil, fmt.Errorf("secret %q in project %s has no version %d", name, projectID, number)
	}
	return sec, nil
}
