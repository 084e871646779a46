package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/secretgate/secretgate/tests/harness"
)

// shares has as many objects as the promise speaks of, ten for each path.
func (s vsoSite) shares(t *testing.T) {
	const n, paths, interval = 1000, 100, 10 * time.Second
	ns := s.namespace(t, "shares")
	for i := range paths {
		s.putVault(t, fmt.Sprintf("%s/%d", ns, i), map[string]any{"a": "x"})
	}
	var objects strings.Builder
	for i := range n {
		object := s.static(fmt.Sprintf("o%d", i), fmt.Sprintf("%s/%d", ns, i%paths), makes(fmt.Sprintf("o%d", i), ""))
		fmt.Fprintf(&objects, "%s\n---\n", strings.Replace(object, "refreshAfter: 1s", "refreshAfter: "+interval.String(), 1))
	}
	reads := func() map[string]int { return s.tap.below(vsoEngine + "/data/" + ns + "/") }
	logins := func() int { return s.tap.below("auth/" + vsoMount + "/login")["auth/"+vsoMount+"/login"] }
	before := logins()
	s.kubectl.MustApply(t, ns, objects.String())
	s.within(t, func() error {
		said := s.kubectl.Must(t, "get", "vaultstaticsecrets", "-n", ns, "-o",
			`jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}`)
		if got := strings.Count(said, "True"); got != n {
			return fmt.Errorf("%d of %d objects are ready", got, n)
		}
		return nil
	})
	s.within(t, func() error { // the last statuses
		written := s.log.writes(t, "syncer")
		if err := harness.Pause(t.Context(), interval); err != nil {
			return err
		}
		if after := s.log.writes(t, "syncer"); after != written {
			return fmt.Errorf("the syncer wrote %d times within %s", after-written, interval)
		}
		return nil
	})
	began, first, written := time.Now(), reads(), s.log.writes(t, "syncer")
	if err := harness.Pause(t.Context(), 3*interval); err != nil {
		t.Fatal(err)
	}
	after := reads()
	// A window of three intervals and a bit may have four slots of each path.
	slots := int(time.Since(began)/interval) + 1
	for path, count := range after {
		if got := count - first[path]; got > slots || got == 0 {
			t.Errorf("got %d reads of %s in %s, want some, and no more than %d", got, path, time.Since(began), slots)
		}
	}
	if len(after) != paths {
		t.Errorf("got reads of %d paths, want %d", len(after), paths)
	}
	if got := logins() - before; got != 1 {
		t.Errorf("got %d logins for %d objects of one VaultAuth, want one", got, n)
	}
	if got := s.log.writes(t, "syncer"); got != written {
		t.Errorf("the syncer wrote %d times at rest, want none", got-written)
	}
	s.kubectl.Must(t, "delete", "vaultstaticsecrets", "--all", "-n", ns, "--wait=false")
}
