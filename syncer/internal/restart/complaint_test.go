package restart

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/syncer/internal/restart/decision"
	"github.com/secretgate/secretgate/syncer/internal/restart/workload"
)

// An admission plugin may take away what was set, and the API server reports success all the same (Reloader's issue 701: it said reloaded, and the
// pods were the old ones).
func TestAPatchThatHadNoEffectIsAFailure(t *testing.T) {
	s := simulate(t, workload.Options{}, deployment("ns", "web", asks(), "db"))
	s.secret("ns", "db", 1)
	s.pass(time.Minute)
	s.secret("ns", "db", 2)
	s.drop = true
	s.pass(time.Minute)
	if said := s.said(); strings.Contains(said, "Normal Restarted") || !strings.Contains(said, "Warning RestartFailed Deployment web") ||
		!strings.Contains(said, "look for an admission webhook") {
		t.Errorf("got the events %q, want a warning that says what to look for", said)
	}
	if c := s.conditions[ofDB]; c == nil || c.Reason != string(decision.ReasonFailed) {
		t.Errorf("got condition %+v, want one that says so, too", c)
	}
}

// With Reloader an error on one workload repeats the event for all, and those before it are restarted again.
func TestAWorkloadThatIsRefusedRestartsNoOtherAgain(t *testing.T) {
	s := simulate(t, workload.Options{}, deployment("ns", "api", asks(), "db"), deployment("ns", "web", asks(), "db"))
	s.secret("ns", "db", 1)
	s.pass(time.Minute)
	s.secret("ns", "db", 2)
	s.fail = func(key Key) error {
		if key == web {
			return apierrors.NewForbidden(schema.GroupResource{Group: "apps", Resource: "deployments"}, "web", errors.New("a quota"))
		}
		return nil
	}
	s.pass(20 * time.Minute)
	s.wantRestarts("the other one", Key{Kind: workload.Deployment, Namespace: "ns", Name: "api"}, 1)
	s.wantRestarts("the one that is refused", web, 0)
}

// A digest of a value that can be guessed gives it away (Reloader's issues 303, 594 and 608). What the restarter has of a Secret is a count.
func TestARecordSaysNothingOfValues(t *testing.T) {
	s := simulate(t, workload.Options{Reloader: true}, deployment("ns", "web", map[string]string{"reloader.stakater.com/auto": "true"}, "db"))
	s.secret("ns", "db", 1)
	s.pass(time.Minute)
	s.secret("ns", "db", 2)
	s.pass(time.Minute)
	before := s.get(web)
	got := before.Spec.Template.Annotations
	if want := map[string]string{names.AnnotationRevisions: "db=uid-db.2"}; !maps.Equal(got, want) {
		t.Errorf("got annotations %v of the pod template, want %v: the beginning of the Secret's uid, and how often it has changed", got, want)
	}
	if env := before.Spec.Template.Spec.Containers[0].Env; len(env) > 0 {
		t.Errorf("got variables %v, want none that were added", env)
	}
}
