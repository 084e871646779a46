package e2e

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/webhook/cli/shape"
)

// The command line shows what an object reads through, too.
func probeCommandLine(t *testing.T, p *probeInstallation) {
	team := p.newTeam(t)
	team.keep(t, "id", team.appRole.secretID)
	team.apply(t, probeStore(t, "vault", team.byAppRole()), team.probe("db", "vault"), team.probe("lost", "none"))
	team.synced(t, "db")
	yes, no := true, false
	store := func(name string, found *bool) []shape.Store {
		return []shape.Store{{Object: shape.Object{Kind: "ProbeStore", Namespace: team.namespace, Name: name}, Found: found}}
	}
	got := answers[shape.Tree](t, 0, "tree", "probe/db", "-n", team.namespace)
	if diff := cmp.Diff(store("vault", &yes), got.Stores); diff != "" || len(got.Sources) != 1 || got.Sources[0].Backend != "vault" {
		t.Errorf("got sources %+v, want the one of the store; stores (-want +got):\n%s", got.Sources, diff)
	}
	lost := answers[shape.Tree](t, 0, "tree", "probe/lost", "-n", team.namespace)
	if diff := cmp.Diff(store("none", &no), lost.Stores); diff != "" {
		t.Errorf("stores of an object whose store is not there (-want +got):\n%s", diff)
	}
	why := answers[shape.Why](t, 0, "why", "lost", "-n", team.namespace)
	if why.NextRead == nil || why.NextRead.Why != "what the object refers to is not there: as soon as it is" || len(why.Problems) == 0 {
		t.Errorf("got %+v, want that it waits for its store", why)
	}
	annotate(t, team.namespace, names.AnnotationPermittedVaultServer+"=https://vault.example.com")
	why = answers[shape.Why](t, 0, "why", "probe/db", "-n", team.namespace)
	if why.Verdict != shape.Denied || !slices.ContainsFunc(why.Sources[0].Limits, func(l shape.Limit) bool {
		return l.Verdict == shape.Denied && l.Of == "address" && l.Field == "ProbeStore[vault].spec.server"
	}) {
		t.Errorf("got %+v, want the server of the store to be denied", why)
	}
}
