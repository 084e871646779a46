package fetch

import (
	"testing"
	"time"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/digest"
)

func TestSlotsLieAnIntervalApartWhereThePhaseSays(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	for _, phase := range []uint64{0, 1, 12345678901234567890} {
		first := nextSlot(phase, minute, at)
		if !first.After(at) || first.Sub(at) > minute {
			t.Errorf("phase %d: the first slot is %s later", phase, first.Sub(at))
		}
		if second := nextSlot(phase, minute, first); second.Sub(first) != minute {
			t.Errorf("phase %d: the second slot is %s after the first", phase, second.Sub(first))
		}
		if again := nextSlot(phase, minute, first.Add(-time.Nanosecond)); again != first {
			t.Errorf("phase %d: another process finds another slot", phase)
		}
	}
}

func TestFollowingSlot(t *testing.T) {
	const phase = uint64(30 * time.Second)
	slot := time.Unix(60*1_000_000+30, 0)
	for _, tc := range []struct {
		name      string
		now, want time.Time
	}{
		{"after a refresh in its slot, the next one", slot, slot.Add(minute)},
		{"after one that was a little late, the next one all the same", slot.Add(time.Second), slot.Add(minute)},
		{"after one that was a little early, an interval later", slot.Add(-time.Second), slot.Add(-time.Second + minute)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := followingSlot(phase, minute, tc.now); !got.Equal(tc.want) {
				t.Errorf("%s, want %s", got.Sub(slot), tc.want.Sub(slot))
			}
		})
	}
}

func TestPhasesTellSourcesApart(t *testing.T) {
	seen := map[uint64]plan.Source{}
	for _, s := range []plan.Source{
		{},
		{Store: plan.Store{Backend: backends.Vault}},
		{Store: plan.Store{Location: "a"}},
		{Store: plan.Store{Container: "a"}},
		{Store: plan.Store{Role: "a"}},
		{Store: plan.Store{Mount: "a"}},
		{Store: plan.Store{Address: "a"}},
		{Store: plan.Store{Namespace: "a"}},
		{Store: plan.Store{Credential: plan.Credential{Kind: plan.SecretCredential}}},
		{Store: plan.Store{Credential: plan.Credential{Namespace: "a"}}},
		{Store: plan.Store{Credential: plan.Credential{Name: "a"}}},
		{Store: plan.Store{Tenant: plan.Tenant{Namespace: "a"}}},
		{Store: plan.Store{Tenant: plan.Tenant{Name: "a"}}},
		{Read: plan.Read{Key: "a"}},
		{Read: plan.Read{VersionID: "a"}},
		{Read: plan.Read{VersionStage: "a"}},
	} {
		h := phase(s)
		if other, ok := seen[h]; ok {
			t.Errorf("%v and %v have one phase", s, other)
		}
		seen[h] = s
	}
}

func TestBreaker(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	down := &backend.Error{Kind: driver.Unavailable}
	var b breaker
	for range breakAfter - 1 {
		b.failed(now, down)
	}
	if !b.admits(now) {
		t.Error("it opens too early")
	}
	b.failed(now, down)
	if b.admits(now) || b.admits(now.Add(firstProbe-1)) || !b.admits(now.Add(firstProbe)) {
		t.Error("it does not stay open for the first step")
	}
	b.failed(now, down)
	if b.step != 1 {
		t.Error("a call begun before it opened counts as a probe")
	}
	now = now.Add(firstProbe)
	b.started()
	if b.admits(now) {
		t.Error("two probes may go at a time")
	}
	b.failed(now, down)
	if b.admits(now.Add(2*firstProbe-1)) || !b.admits(now.Add(2*firstProbe)) {
		t.Error("the second step is not twice as long")
	}
	for range 20 {
		b.started()
		b.failed(now, down)
	}
	if b.until.Sub(now) != lastProbe {
		t.Errorf("the last step is %s", b.until.Sub(now))
	}
	b.started()
	b.canceled()
	if !b.admits(b.until) {
		t.Error("a probe that was cut off keeps it waiting")
	}
	b.started()
	b.succeeded()
	if b.open() || !b.admits(now) {
		t.Error("a success does not close it")
	}
	b.failed(now, down)
	if !b.admits(now) {
		t.Error("failures before a success count after it")
	}
	b.failed(now, &backend.Error{Kind: driver.Throttled, RetryAfter: minute})
	if b.admits(now.Add(minute-1)) || !b.admits(now.Add(minute)) {
		t.Error("Retry-After is not honoured at the first refusal")
	}
}

func TestLimiter(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	var l limiter
	for range 100 {
		l.started(now)
		now = now.Add(10 * time.Millisecond)
	}
	if l.delay(now) != 0 {
		t.Error("there is a limit before a call was throttled")
	}
	l.throttled(now)
	l.throttled(now) // another call that was under way
	if got := float64(l.calls.Limit()); got != 50 {
		t.Errorf("of 100 calls a second %v are left, want half", got)
	}
	if l.delay(now) != 20*time.Millisecond {
		t.Errorf("the next call waits %s", l.delay(now))
	}
	for range 20 {
		now = now.Add(2 * time.Second)
		l.throttled(now)
	}
	if l.calls.Limit() != minRate {
		t.Errorf("the least rate is %v", l.calls.Limit())
	}
	calls := 0
	for l.calls != nil && calls < 100_000 {
		wait := l.delay(now)
		now = now.Add(wait)
		l.started(now)
		l.succeeded(now)
		calls++
	}
	if l.calls != nil {
		t.Error("it never lets go")
	}
}

func TestWhatWasBorneLongAgoIsNoReasonToGoOnAsFast(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	var l limiter
	for range 100 {
		l.started(now)
	}
	now = now.Add(3 * time.Second)
	l.started(now)
	l.throttled(now)
	if got := float64(l.calls.Limit()); got != minRate {
		t.Errorf("%v calls a second are left", got)
	}
}

func TestThePriorityOfASourceIsThatOfTheMostUrgentObject(t *testing.T) {
	for _, priorities := range [][]Priority{{Foreground, Background}, {Background, Foreground}} {
		s := &source{}
		for _, priority := range priorities {
			n := &need{}
			s.subscribe(n)
			n.wanted, n.priority = 1, priority
		}
		if s.priority() != Foreground {
			t.Errorf("got %v of %v, want the foreground", s.priority(), priorities)
		}
	}
}

func TestDigestsTellValuesApart(t *testing.T) {
	maker := digest.NewMaker()
	seen := map[digest.Digest]int{}
	for i, values := range [][]driver.Value{
		nil, {{}}, {{}, {}}, {{Data: []byte("a")}}, {{Version: "a"}}, {{Name: "a"}}, {{Data: []byte("a"), Bytes: true}},
		{{Name: "a", Version: "b"}}, {{Name: "ab"}}, {{Data: []byte("a")}, {Data: []byte("b")}}, {{Data: []byte("ab")}},
		{{Metadata: []byte("a")}}, {{Data: []byte("a"), Metadata: []byte("b")}},
	} {
		sum := digestOf(maker, values)
		if sum != digestOf(maker, values) {
			t.Errorf("value %d has two digests", i)
		}
		if other, ok := seen[sum]; ok {
			t.Errorf("values %d and %d have one digest", i, other)
		}
		seen[sum] = i
	}
}
