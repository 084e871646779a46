package backendtest

import (
	"bytes"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// names is for backends whose answers name what they are of: one that names something else is refused, since policy has judged the
// name that was asked for.
func (s *suite) names(t *testing.T) {
	if s.Through == nil {
		return
	}
	instead := func(old, other string) reader {
		return s.reader(s.Through(t, func(answer []byte) []byte { return bytes.ReplaceAll(answer, []byte(old), []byte(other)) }))
	}
	s.put(t, 0, "asked", canary)
	key := s.Key(0, "asked")
	t.Run("an answer that is not changed is taken", func(t *testing.T) {
		got, err := instead("asked", "asked").get(t.Context(), s.Stores[0], key)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := s.textOf(got)
		equal(t, "the value", text, canary)
	})
	t.Run("an answer of another name is refused", func(t *testing.T) {
		_, err := instead("asked", "other").get(t.Context(), s.Stores[0], key)
		wantKind(t, err, driver.Unavailable)
	})
	if _, ok := s.New(t).(driver.Batcher); ok {
		t.Run("a batch's answer of another name is refused", func(t *testing.T) {
			outcomes, err := instead("asked", "other").batchOf(t, s.Stores[0], []plan.Read{s.Read(key)})
			if err == nil && outcomes[0].Err == nil {
				t.Error("it is taken")
			}
		})
	}
	if s.Path == nil {
		return
	}
	s.put(t, 0, "forest/tree", canary)
	changes := map[string][2]string{"beside the path": {"forest", "desert"}}
	if !s.Prefixes {
		changes["deeper than the path"] = [2]string{"tree", "t/ee"}
	}
	for why, change := range changes {
		t.Run("a walk's answer "+why+" is refused", func(t *testing.T) {
			r := instead(change[0], change[1])
			_, err := r.client.Get(t.Context(), plan.Source{Store: s.Stores[0], Read: s.Path(0, "forest", false)})
			if s.Prefixes { // what is listed beside the path is passed over
				wantKind(t, err, driver.NotFound)
				return
			}
			wantKind(t, err, driver.Unavailable)
		})
	}
}
