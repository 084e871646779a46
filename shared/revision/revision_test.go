package revision_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/revision"
)

func secret(name string) revision.Source { return revision.Source{Kind: revision.Secret, Name: name} }

func TestListIsAText(t *testing.T) {
	list := revision.List{
		secret("tls.internal"): "9b01d2e4.2", secret("db"): "3f2a91c0.7", {Kind: revision.ConfigMap, Name: "app"}: "0011223344556677",
	}
	const text = "db=3f2a91c0.7,tls.internal=9b01d2e4.2,configmap/app=0011223344556677"
	if got := list.String(); got != text {
		t.Errorf("got %q, want %q", got, text)
	}
	for _, tc := range []struct {
		name, text string
		want       revision.List
	}{
		{"a whole list", text, list},
		{"nothing", "", revision.List{}},
		{"what is not understood is left out", "db, =1,x=, tls=b.1,=", revision.List{secret("tls"): "b.1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, revision.Parse(tc.text)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestOf(t *testing.T) {
	for _, tc := range []struct {
		name, uid string
		count     int64
		want      string
	}{
		{"a Secret", "3f2a91c0-1111-2222-3333-444455556666", 7, "3f2a91c0.7"},
		{"one whose changes are not counted", "3f2a91c0-1111-2222-3333-444455556666", 0, ""},
		{"one without a uid", "", 7, ".7"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := revision.Of(tc.uid, tc.count); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestChanged(t *testing.T) {
	recorded := revision.List{secret("a"): "u.1", secret("b"): "u.1", secret("gone"): "u.1"}
	current := revision.List{secret("b"): "u.2", secret("a"): "v.1", secret("new"): "u.1"}
	if diff := cmp.Diff([]revision.Source{secret("a"), secret("b")}, recorded.Changed(current)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !recorded.Lacks(current) || current.Lacks(revision.List{secret("a"): "w.9"}) {
		t.Error("a list lacks what it has no revision of, and nothing else")
	}
}
