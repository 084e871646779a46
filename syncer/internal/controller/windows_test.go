package controller

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/plan"
)

// nightly is a kind whose objects are refreshed every hour, at night alone.
type nightly struct{ dialect.Kind }

func (n nightly) Plan(object dialect.Object, resolved dialect.Resolved) (*plan.Plan, field.ErrorList) {
	p, errs := n.Kind.Plan(object, resolved)
	if p != nil {
		p.Refresh.Interval = time.Hour
		p.Refresh.Windows = &plan.Windows{All: []plan.Window{{Schedule: "0 22 * * *", Duration: 8 * time.Hour}}}
	}
	return p, errs
}

func TestRefreshesRunWithinTheirWindows(t *testing.T) {
	inFakeTime(t, interceptor.Funcs{}, func(w *world) { // it begins at midnight, within the window
		w.Kind = nightly{w.Kind}
		readsWithin := func(d time.Duration) int64 {
			before := w.vault.reads.Load()
			w.pass(d)
			return w.vault.reads.Load() - before
		}
		w.apply(t, "u", nil)
		if got := readsWithin(5*time.Hour + 59*time.Minute); got < 5 || got > 7 {
			t.Errorf("got %d reads in the first six hours, within the window, want one an hour", got)
		}
		w.pass(2 * time.Minute) // the window has closed
		if got := readsWithin(15*time.Hour + 50*time.Minute); got != 0 {
			t.Errorf("got %d reads while the window is closed, want none", got)
		}
		if got := readsWithin(4 * time.Hour); got < 3 || got > 5 {
			t.Errorf("got %d reads in the four hours after the window has opened, want one an hour", got)
		}
	})
}
