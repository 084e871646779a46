package controller

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/syncstatus"
)

var (
	db   = types.NamespacedName{Namespace: "ns", Name: "db"}
	dbID = plan.ID{NamespacedName: db}
)

func TestBackoffDoublesUntilASuccess(t *testing.T) {
	var s objectStates
	var got []time.Duration
	for range 12 {
		got = append(got, s.backoff(db, true))
	}
	want := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second,
		64 * time.Second, 128 * time.Second, 256 * time.Second, lastBackoff, lastBackoff, lastBackoff}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if other := s.backoff(types.NamespacedName{Name: "other"}, true); other != firstBackoff {
		t.Errorf("another object waits %s", other)
	}
	if after := s.backoff(db, false); after != 0 {
		t.Errorf("after a success it waits %s", after)
	}
	if again := s.backoff(db, true); again != firstBackoff {
		t.Errorf("the first failure after a success waits %s", again)
	}
	for range 100 {
		s.backoff(db, true)
	}
	if long := s.backoff(db, true); long != lastBackoff {
		t.Errorf("the hundredth failure waits %s", long)
	}
}

func TestRepairsOfASecretThatAnotherClientKeepsChangingGetRarer(t *testing.T) {
	var s objectStates
	now := time.Unix(1_000_000, 0)
	for i, want := range []time.Duration{0, time.Second, 2 * time.Second, 4 * time.Second} {
		now = now.Add(time.Minute)
		if got := s.repair(db, now); got != want {
			t.Errorf("repair %d waits %s, want %s", i+1, got, want)
		}
	}
	if got := s.repair(db, now.Add(2*lastBackoff)); got != 8*time.Second {
		t.Errorf("within ten minutes it waits %s", got)
	}
	if got := s.repair(db, now.Add(5*lastBackoff)); got != 0 {
		t.Errorf("after more than ten minutes of peace it waits %s", got)
	}
}

// An event shows what became of a Secret while it was written: before, the answer to our write was not known.
func TestOwnWrites(t *testing.T) {
	const event, deleted = "event ", "event "
	for _, tc := range []struct {
		name string
		// steps: "start", "end V" (our write's answer), "event V" (another client's, or ours; no V: deleted)
		steps []string
		want  []string // what each event and end answers
	}{
		{"an event of a Secret that is not known", []string{event + "1"}, []string{"foreign"}},
		{"the event of our own write", []string{"start", "end 2", event + "2"}, []string{"kept", "own"}},
		{"a change after our own write", []string{"start", "end 2", event + "3"}, []string{"kept", "foreign"}},
		{"a deletion after our own write", []string{"start", "end 2", deleted}, []string{"kept", "foreign"}},
		{"the event comes before the answer", []string{"start", event + "2", "end 2"}, []string{"own", "kept"}},
		{"others change it before the answer", []string{"start", event + "2", event + "3", "end 2"}, []string{"own", "own", "overtaken"}},
		{"others delete it before the answer", []string{"start", event + "2", deleted, "end 2"}, []string{"own", "own", "overtaken"}},
		{"re-created by us: the deletion comes first", []string{"start", deleted, event + "2", "end 2"}, []string{"own", "own", "kept"}},
		{"a write that failed overtakes nothing", []string{"start", event + "3", "end "}, []string{"own", "kept"}},
		{"after a write that failed the one before counts", []string{"start", "end 2", "start", "end ", event + "2", event + "3"}, []string{"kept", "kept", "own", "foreign"}},
		{"a second write forgets the events of the first", []string{"start", event + "3", "end 2", "start", "end 4"}, []string{"own", "overtaken", "kept"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var s objectStates
			var got []string
			for _, step := range tc.steps {
				action, version, _ := strings.Cut(step, " ")
				switch action {
				case "start":
					s.startWrite(db)
				case "end":
					got = append(got, map[bool]string{true: "overtaken", false: "kept"}[s.endWrite(db, version)])
				case "event":
					got = append(got, map[bool]string{true: "own", false: "foreign"}[s.isOwnWrite(db, version)])
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestForgetForgetsEverything(t *testing.T) {
	var s objectStates
	s.startWrite(db)
	s.endWrite(db, "2")
	s.backoff(db, true)
	s.forget(db)
	if s.isOwnWrite(db, "2") {
		t.Error("the write is still recorded")
	}
	if got := s.backoff(db, true); got != firstBackoff {
		t.Errorf("the failures are still counted: %s", got)
	}
}

func TestEventNoteFits(t *testing.T) {
	for name, message := range map[string]string{
		"a short one":                   "short",
		"exactly the limit":             strings.Repeat("x", 1000),
		"long":                          strings.Repeat("x", 5000),
		"characters of two bytes":       strings.Repeat("é", 1000),
		"characters of three bytes":     "x" + strings.Repeat("€", 1000),
		"characters of four bytes":      "xx" + strings.Repeat("𝄞", 1000),
		"bytes that are no characters":  strings.Repeat("\x80", 3000),
		"one character over the border": strings.Repeat("x", 999) + "é",
	} {
		t.Run(name, func(t *testing.T) {
			got := eventNote(message)
			if len(got) > 1024 {
				t.Errorf("it has %d bytes", len(got))
			}
			if utf8.ValidString(message) && !utf8.ValidString(got) {
				t.Error("a character was cut in two")
			}
			if prefix, cut := strings.CutSuffix(got, "…"); !strings.HasPrefix(message, prefix) || !cut && got != message {
				t.Error("it is not the message's beginning")
			}
		})
	}
}

func TestHeartbeatsAreBounded(t *testing.T) {
	var s objectStates
	now, written := time.Unix(0, 0), 0
	for range 100 {
		if s.mayHeartbeat(now) {
			written++
		}
	}
	if written != heartbeatsPerSecond {
		t.Errorf("%d heartbeats at one moment, want %d", written, heartbeatsPerSecond)
	}
	if !s.mayHeartbeat(now.Add(time.Second / heartbeatsPerSecond)) {
		t.Error("no room for another a tenth of a second later")
	}
}

func TestAnOlderObjectFromTheCacheGetsTheStatusThatWasWritten(t *testing.T) {
	object := func(resourceVersion, status string) *apiv1.ExternalSecret {
		return &apiv1.ExternalSecret{
			ObjectMeta: metav1.ObjectMeta{Namespace: db.Namespace, Name: db.Name, ResourceVersion: resourceVersion},
			Status:     syncstatus.Status{SecretName: status},
		}
	}
	for _, tc := range []struct {
		name    string
		reports []*apiv1.ExternalSecret
		cached  []*apiv1.ExternalSecret // one after the other
		want    []string
	}{
		{"nothing was written", nil, []*apiv1.ExternalSecret{object("9", "cached")}, []string{"cached"}},
		{"the cache is behind, then it is not", []*apiv1.ExternalSecret{object("10", "written")},
			[]*apiv1.ExternalSecret{object("9", "cached"), object("9", "cached"), object("10", "caught up")}, []string{"written", "written", "caught up"}},
		{"another client wrote later", []*apiv1.ExternalSecret{object("10", "written")},
			[]*apiv1.ExternalSecret{object("11", "theirs")}, []string{"theirs"}},
		{"the last of two counts", []*apiv1.ExternalSecret{object("9", "first"), object("10", "second")}, []*apiv1.ExternalSecret{object("8", "cached"), object("9", "first")}, []string{"second", "second"}},
		{"versions that are no numbers are taken as they come", []*apiv1.ExternalSecret{object("x", "written")}, []*apiv1.ExternalSecret{object("w", "cached")}, []string{"cached"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var s objectStates
			for _, es := range tc.reports {
				s.report(es, es.Status.Record(), es.Status.Record())
			}
			var got []string
			for _, es := range tc.cached {
				got = append(got, s.whole(es, es.Status.Record()).Secret)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheLastAttemptIsKnownUntilTheReset(t *testing.T) {
	var s objectStates
	now := time.Unix(1_000_000, 0)
	tried := attempt{uid: "u", generation: 3}
	s.setRetryAt(db, now)
	s.startAttempt(db, tried)
	if last, retryDue := s.lastAttempt(db, now.Add(time.Hour)); last != tried || retryDue {
		t.Errorf("%+v, retry due %t: an attempt that begins clears the retry", last, retryDue)
	}
	s.setRetryAt(db, now.Add(time.Second))
	if _, retryDue := s.lastAttempt(db, now); retryDue {
		t.Error("the retry is due too early")
	}
	if _, retryDue := s.lastAttempt(db, now.Add(time.Second)); !retryDue {
		t.Error("the retry is not due in time")
	}
	s.reset(db)
	if last, retryDue := s.lastAttempt(db, now.Add(time.Hour)); last != (attempt{}) || retryDue {
		t.Errorf("%+v, retry due %t", last, retryDue)
	}
}

func TestARepairIsDueAfterItsBackOff(t *testing.T) {
	var s objectStates
	now := time.Unix(1_000_000, 0)
	s.repair(db, now)
	if _, retryDue := s.lastAttempt(db, now); !retryDue {
		t.Error("the first is not due at once")
	}
	s.startAttempt(db, attempt{uid: "u"})
	wait := s.repair(db, now)
	if _, retryDue := s.lastAttempt(db, now.Add(wait-1)); retryDue {
		t.Error("the second is due too early")
	}
}

func TestAStatusIsForgottenOnceTheCacheShowsIt(t *testing.T) {
	var s objectStates
	es := &apiv1.ExternalSecret{}
	es.Namespace, es.Name, es.ResourceVersion = db.Namespace, db.Name, "20"
	s.report(es, plan.Record{Secret: "db"}, plan.Record{Secret: "db"})
	es.ResourceVersion = "19"
	s.seen(es)
	if s.objects[db].reported == nil {
		t.Error("an older object made it forget")
	}
	es.ResourceVersion = "20"
	s.seen(es)
	if s.objects[db].reported != nil {
		t.Error("it is still held")
	}
}

func TestASecondControllerIsWarnedOfOnce(t *testing.T) {
	var s objectStates
	if first, again := s.warn(db), s.warn(db); !first || again {
		t.Errorf("warned: %t, and once more: %t", first, again)
	}
	s.forget(db)
	if !s.warn(db) {
		t.Error("another object of the name is not warned of")
	}
}
