package keys

import (
	"context"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
)

func TestWhatWasOpenedIsKnownToOpenUntilTheKeyGoes(t *testing.T) {
	inFakeTime(t, func(t *testing.T, w *watched) {
		opened, untried := sealedBy(t, 0, "one", "core/db"), sealedBy(t, 0, "two", "core/db")
		moved := plan.Sealed{Ciphertext: opened.Ciphertext, Label: "core/other"}
		if got := w.open(t, opened); got != "one" {
			t.Fatalf("got %q, want the value", got)
		}
		end, err := w.Turns.Acquire(t.Context(), "busy") // so that there is no turn to try anything
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for name, test := range map[string]struct {
			sealed plan.Sealed
			known  bool
		}{
			"what was opened": {opened, true}, "another value of the same key": {untried, false}, "what was opened, of another object": {moved, false},
		} {
			if closed, err := w.Opens(ctx, "core", test.sealed); closed != "" || (err == nil) != test.known {
				t.Errorf("%s: got %q and error %v, want it known to open: %t", name, closed, err, test.known)
			}
		}
		end()
		w.create(t, keySecret(t, "other", 1, began))
		w.remove(t, "first")
		if closed, err := w.Opens(t.Context(), "core", opened); err != nil || closed == "" {
			t.Errorf("once its key is gone: got %q and error %v, want that no key opens it", closed, err)
		}
	}, keySecret(t, "first", 0, began))
}
