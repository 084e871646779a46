package fetch

import (
	"hash/fnv"
	"time"

	"github.com/secretgate/secretgate/shared/plan"
)

// overdueSpread is the time over which the reads of overdue objects are spread.
const overdueSpread = time.Minute

// phase places a source within any interval. It is the same in every process, so that no
// time has to be stored for a restart, or for another replica.
func phase(s plan.Source) uint64 {
	h := fnv.New64a()
	parts := []string{
		string(s.Backend), s.Role, s.Mount, s.Address, s.Location, s.Container, s.Namespace,
		s.Key, s.Version, s.VersionID, s.VersionStage,
	}
	if c := s.Credential; c != (plan.Credential{}) {
		parts = append(parts, string(c.Kind), c.Namespace, c.Name, c.Key)
	}
	if s.Tenant != (plan.Tenant{}) {
		parts = append(parts, s.Tenant.Namespace, s.Tenant.Name)
	}
	for _, part := range parts {
		_, _ = h.Write([]byte(part)) // a hash never fails
		_, _ = h.Write([]byte{0})
	}
	return h.Sum64()
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
