package certs

import (
	"bytes"
	"context"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// once runs a rival in the middle of another's work.
func once(rival func()) func() {
	ran := false
	return func() {
		if !ran {
			ran = true
			rival()
		}
	}
}

func TestLoserOfTheFirstWriteTakesTheWinnersCA(t *testing.T) {
	s := newStage(t, manifests()...)
	winner := s.newAuthority(Timing{})
	loser := s.newAuthority(Timing{})
	cut := once(func() {
		if err := winner.reconcile(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	loser.api = interceptor.NewClient(s.plain, interceptor.Funcs{
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			cut()
			return c.Update(ctx, o, opts...)
		},
	})
	if err := loser.reconcile(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !loser.signing.same(winner.signing) {
		t.Error("the two replicas sign with different CAs")
	}
	if want := (state{signer: winner.signing}).bundle(); !bytes.Equal(s.bundle(), want) {
		t.Error("the published bundle is not the winner's CA")
	}
}

func TestOlderBundleIsNeverPutOverANewerOne(t *testing.T) {
	s := newStage(t, manifests()...)
	fast := s.newAuthority(Timing{})
	slow := s.newAuthority(Timing{})
	if done, err := slow.advance(t.Context(), time.Now()); done || err != nil { // makes the CA, publishes nothing
		t.Fatal(done, err)
	}
	later := time.Now().Add(300 * 24 * time.Hour)
	cut := once(func() {
		for range 3 { // announce, publish, note that it is published
			if _, err := fast.advance(t.Context(), later); err != nil {
				t.Fatal(err)
			}
		}
	})
	slow.api = interceptor.NewClient(s.plain, interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			cut()
			return c.Patch(ctx, o, p, opts...)
		},
	})
	if _, err := slow.advance(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	current, _ := decode(s.data())
	if current.next == nil || current.nextSeen.IsZero() {
		t.Fatal("the fast replica has announced no successor")
	}
	if !bytes.Equal(s.bundle(), current.bundle()) {
		t.Error("the slow replica has taken the successor out of the bundle")
	}
}
