package settings

import "time"

// BindRefresh adds to a section how often the syncer reads backends for objects that do not say; disabled: when an object changes, and
// not otherwise.
func BindRefresh(s *Section, interval *time.Duration, disabled *bool) {
	s.Duration(interval, "refresh-interval", 5*time.Minute, time.Millisecond,
		"how often backends are read for objects that do not say; each read may be billed", "POLLER_INTERVAL_MILLISECONDS")
	s.Switch(disabled, "disable-polling",
		"read backends only when an object changes; the variable counts as on whatever its value", "DISABLE_POLLING")
}
