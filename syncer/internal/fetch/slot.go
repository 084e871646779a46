package fetch

import (
	"time"

	"github.com/secretgate/secretgate/shared/plan"
)

// overdueSpread is the time over which the reads of overdue objects are spread.
const overdueSpread = time.Minute

// phase places a source within any interval. It is the same in every process, so that no
// time has to be stored for a restart, or for another replica.
func phase(s plan.Source) uint64 {
	h := newPlacement().add(
		string(s.Backend), s.Role, s.Mount, s.Address, s.Location, s.Container, s.Namespace,
		s.Key, s.Version, s.VersionID, s.VersionStage)
	if c := s.Credential; c != (plan.Credential{}) {
		h = h.add(string(c.Kind), c.Namespace, c.Name, c.Key)
	}
	if s.Tenant != (plan.Tenant{}) {
		h = h.add(s.Tenant.Namespace, s.Tenant.Name)
	}
	return uint64(h)
}

// placement is a hash of texts, each followed by a zero byte: FNV-1a, of which hash/fnv's needs memory.
type placement uint64

func newPlacement() placement { return 14695981039346656037 }

func (h placement) add(texts ...string) placement {
	const prime = 1099511628211
	for _, text := range texts {
		for i := range len(text) {
			h = (h ^ placement(text[i])) * prime
		}
		h *= prime // for the zero byte
	}
	return h
}

// nextSlot is the first slot after a time. Slots are an interval apart; the phase places them on the wall clock.
func nextSlot(phase uint64, interval time.Duration, after time.Time) time.Time {
	offset := time.Duration(phase % uint64(interval)) //nolint:gosec // less than interval
	since := time.Duration(after.UnixNano()) % interval
	wait := offset - since
	if wait <= 0 {
		wait += interval
	}
	return after.Add(wait)
}

// followingSlot is when a source is next due after a refresh: the slot nearest to one interval later, but never later than one
// interval. So a source that was read early to fill a batch stays in that batch, and is not read twice.
func followingSlot(phase uint64, interval time.Duration, now time.Time) time.Time {
	slot := nextSlot(phase, interval, now.Add(interval/2))
	if latest := now.Add(interval); slot.After(latest) {
		return latest
	}
	return slot
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
