package secretsmanager

import (
	"bytes"
	"slices"
	"time"
)

// The staging labels that AWS moves by itself.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// maxUnlabelled is how many versions without a staging label are kept. AWS deletes them above 100, once
// they are a day old; here age does not matter, so that hours of rotation cost no memory.
const maxUnlabelled = 100

// value is what a version holds: exactly one of the two.
type value struct {
	text   *string
	binary []byte
}

func (v value) given() bool { return v.text != nil || v.binary != nil }

func (v value) equal(w value) bool {
	if (v.text == nil) != (w.text == nil) {
		return false
	}
	return (v.text == nil || *v.text == *w.text) && bytes.Equal(v.binary, w.binary)
}

type version struct {
	id      string
	value   value
	created time.Time
	stages  []string // sorted
}

func (v *version) has(stage string) bool { return slices.Contains(v.stages, stage) }

// label and unlabel replace the slice: answers that are being written may still hold the old one.
func (v *version) label(stage string) {
	if !v.has(stage) {
		v.stages = append(slices.Clone(v.stages), stage)
		slices.Sort(v.stages)
	}
}

func (v *version) unlabel(stage string) {
	v.stages = slices.DeleteFunc(slices.Clone(v.stages), func(s string) bool { return s == stage })
}

// secret is one secret with all its versions, oldest first. Its store's lock guards it.
type secret struct {
	name, arn   string
	description string
	kmsKeyID    string
	tags        []Tag
	created     time.Time
	changed     time.Time
	// deleteAt is when the recovery window of a deleted secret ends; zero otherwise.
	deleteAt  time.Time
	deletedAt time.Time
	versions  []*version
}

func (s *secret) deleted() bool { return !s.deleteAt.IsZero() }

func (s *secret) gone(now time.Time) bool { return s.deleted() && !now.Before(s.deleteAt) }

func (s *secret) withID(id string) *version {
	return s.find(func(v *version) bool { return v.id == id })
}

func (s *secret) withStage(stage string) *version {
	return s.find(func(v *version) bool { return v.has(stage) })
}

func (s *secret) find(is func(*version) bool) *version {
	if i := slices.IndexFunc(s.versions, is); i >= 0 {
		return s.versions[i]
	}
	return nil
}

// add appends a version and gives it the labels. The first version is current in any case.
func (s *secret) add(v *version, stages []string) {
	first := len(s.versions) == 0
	s.versions = append(s.versions, v)
	for _, stage := range stages {
		s.move(stage, v)
	}
	if first {
		s.move(current, v)
	}
	s.prune()
	s.changed = v.created
}

// move takes a label from the version that has it and gives it to another. The version that loses AWSCURRENT
// becomes AWSPREVIOUS.
func (s *secret) move(stage string, to *version) {
	from := s.withStage(stage)
	if from == to {
		return
	}
	if from != nil {
		from.unlabel(stage)
		if stage == current {
			s.move(previous, from)
		}
	}
	if stage == current {
		to.unlabel(previous)
	}
	to.label(stage)
}

func (s *secret) prune() {
	unlabelled := 0
	for _, v := range s.versions {
		if len(v.stages) == 0 {
			unlabelled++
		}
	}
	s.versions = slices.DeleteFunc(s.versions, func(v *version) bool {
		if len(v.stages) > 0 || unlabelled <= maxUnlabelled {
			return false
		}
		unlabelled--
		return true
	})
}

// stages maps the versions that carry labels to them.
func (s *secret) stages() map[string][]string {
	m := map[string][]string{}
	for _, v := range s.versions {
		if len(v.stages) > 0 {
			m[v.id] = v.stages
		}
	}
	return m
}
