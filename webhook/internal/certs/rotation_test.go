package certs

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func mustSigner(t *testing.T, now time.Time, life time.Duration) *signer {
	t.Helper()
	ca, err := newSigner(now, life)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func TestDecide(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	timing := Timing{}.withDefaults()
	young := mustSigner(t, now, timing.CALife)
	heir := mustSigner(t, now, timing.CALife)
	due := mustSigner(t, now.Add(-timing.CALife*2/3), timing.CALife)
	dead := mustSigner(t, now.Add(-timing.CALife-time.Hour), timing.CALife)
	old := []*x509.Certificate{due.cert}
	long := now.Add(-timing.Propagation)

	for _, test := range []struct {
		name      string
		state     state
		damaged   bool
		published bool
		want      step
	}{
		{"an empty Secret gets a CA", state{}, false, false, establish},
		{"an unreadable Secret is cleaned before it gets a CA", state{}, true, false, tidy},
		{"an expired CA gets a successor that signs", state{signer: dead}, false, true, establish},
		{"an expired CA hands over to the one that waits, at once", state{signer: dead, next: heir}, false, false, promote},
		{"a young CA that is published stays", state{signer: young}, false, true, stay},
		{"a young CA that is not published stays, for publishing is no step of the Secret", state{signer: young}, false, false, stay},
		{"a CA after two thirds of its life has its successor announced", state{signer: due}, false, true, announce},
		{"no successor is announced while an older CA is published", state{signer: due, previous: old, until: now.Add(1)}, false, true, stay},
		{"a successor that is not published does not begin to wait", state{signer: due, next: heir}, false, false, stay},
		{"a successor that is published begins to wait", state{signer: due, next: heir}, false, true, seen},
		{"a successor that has not waited long enough does not sign", state{signer: due, next: heir, nextSeen: long.Add(1)}, false, true, stay},
		{"a successor that waited long enough signs", state{signer: due, next: heir, nextSeen: long}, false, true, promote},
		{"a successor that was taken out of a configuration waits anew", state{signer: due, next: heir, nextSeen: long}, false, false, unseen},
		{"a successor that expired waiting is dropped", state{signer: young, next: dead}, false, true, discard},
		{"an old CA whose leaves may live stays published", state{signer: heir, previous: old, until: now.Add(1)}, false, true, stay},
		{"an old CA whose leaves are all dead is dropped", state{signer: heir, previous: old, until: now}, false, true, retire},
		{"after a loss the lost CA stays published until its successor signs", state{next: heir, previous: old, until: now}, false, true, seen},
		{"after a loss the successor waits too", state{next: heir, nextSeen: long.Add(1), previous: old, until: now}, false, true, stay},
		{"after a loss the successor signs after the wait", state{next: heir, nextSeen: long, previous: old, until: now}, false, true, promote},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := decide(test.state, test.damaged, test.published, now, timing); got != test.want {
				t.Errorf("decided %q, want %q", got, test.want)
			}
		})
	}
}

func TestTake(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	timing := Timing{}.withDefaults()
	first, second, third := mustSigner(t, now, timing.CALife), mustSigner(t, now, timing.CALife), mustSigner(t, now, timing.CALife)
	dead := mustSigner(t, now.Add(-timing.CALife-time.Hour), timing.CALife)
	until := now.Add(timing.retention())
	list := func(signers ...*signer) (certificates []*x509.Certificate) {
		for _, s := range signers {
			certificates = append(certificates, s.cert)
		}
		return certificates
	}

	for _, test := range []struct {
		name   string
		before state
		action step
		known  []*x509.Certificate
		want   state
	}{
		{"a CA signs at once where none was before", state{}, establish, nil, state{signer: third}},
		{"a CA signs at once where only an expired one was before", state{signer: dead}, establish, list(dead), state{signer: third}},
		{"a CA waits where replicas serve leaves of a lost one", state{}, establish, list(first),
			state{next: third, previous: list(first), until: until}},
		{"cleaning keeps a lost CA published", state{}, tidy, list(first, first), state{previous: list(first), until: until}},
		{"cleaning does not add to a Secret that has its signer", state{signer: first}, tidy, list(second), state{signer: first}},
		{"cleaning lets a successor keep its turn", state{next: second, nextSeen: now}, tidy, list(first, second),
			state{next: second, nextSeen: now, previous: list(first), until: until}},
		{"a successor takes over and the old CA stays published without its key", state{signer: first, next: second, nextSeen: now}, promote, nil,
			state{signer: second, previous: list(first), until: until}},
		{"dropping the old CA leaves the signer", state{signer: second, previous: list(first), until: now}, retire, nil, state{signer: second}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := test.before.take(test.action, third, test.known, now, timing)
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(state{}), cmp.Comparer(sameSigner), cmp.Comparer(sameCertificate)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func sameSigner(a, b *signer) bool                { return a == nil && b == nil || a.same(b) }
func sameCertificate(a, b *x509.Certificate) bool { return a.Equal(b) }

func TestTimingRefusesWhatCannotRotate(t *testing.T) {
	for _, test := range []struct {
		name   string
		timing Timing
		valid  bool
	}{
		{"the defaults fit", Timing{}, true},
		{"a CA that lives no longer than its leaves does not", Timing{CALife: 7 * 24 * time.Hour}, false},
		{"a wait shorter than the poll does not", Timing{Propagation: time.Second, Poll: time.Minute}, false},
		{"a negative life does not", Timing{LeafLife: -1}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := test.timing.withDefaults().check(); (err == nil) != test.valid {
				t.Errorf("error: %v", err)
			}
		})
	}
}
