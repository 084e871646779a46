package keys

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	k8stesting "k8s.io/client-go/testing"
)

const day = 24 * time.Hour

func TestSchedule(t *testing.T) {
	now := began.Add(100 * day)
	since := func(ago time.Duration) *Key { return &Key{At: now.Add(-ago)} }
	for name, test := range map[string]struct {
		schedule Schedule
		newest   *Key
		wait     time.Duration
		never    bool
	}{
		"the first key is due":                          {schedule: Schedule{Period: 30 * day}},
		"the first key is due by a cutoff alone":        {schedule: Schedule{Cutoff: began}},
		"no key is ever made where it is off":           {never: true},
		"nor is a further one":                          {newest: since(1000 * day), never: true},
		"a key is due a period after the newest one":    {schedule: Schedule{Period: 30 * day}, newest: since(10 * day), wait: 20 * day},
		"a key is due":                                  {schedule: Schedule{Period: 30 * day}, newest: since(30 * day)},
		"a key is overdue":                              {schedule: Schedule{Period: 30 * day}, newest: since(90 * day)},
		"a newest one of the future":                    {schedule: Schedule{Period: 30 * day}, newest: since(-day), wait: 31 * day},
		"a newest one that is older than the cutoff":    {schedule: Schedule{Period: 30 * day, Cutoff: now.Add(-day)}, newest: since(2 * day)},
		"a newest one that is younger than the cutoff":  {schedule: Schedule{Period: 30 * day, Cutoff: now.Add(-3 * day)}, newest: since(2 * day), wait: 28 * day},
		"a cutoff that is to come":                      {schedule: Schedule{Period: 30 * day, Cutoff: now.Add(5 * day)}, newest: since(2 * day), wait: 5 * day},
		"a cutoff that comes after the period":          {schedule: Schedule{Period: 3 * day, Cutoff: now.Add(5 * day)}, newest: since(2 * day), wait: day},
		"a cutoff alone, and a key that is older":       {schedule: Schedule{Cutoff: now.Add(-day)}, newest: since(2 * day)},
		"a cutoff alone, and a key that is as old":      {schedule: Schedule{Cutoff: now.Add(-day)}, newest: since(day), never: true},
		"a cutoff alone, and a key that is younger yet": {schedule: Schedule{Cutoff: now.Add(-day)}, newest: since(0), never: true},
	} {
		if wait, never := test.schedule.Next(test.newest, now); wait != test.wait || never != test.never {
			t.Errorf("%s: got %s, never: %t, want %s, never: %t", name, wait, never, test.wait, test.never)
		}
	}
}

// renewing adds a Renewer to a Ring until the end of the test; what it logs is returned.
func (w *watched) renewing(ctx context.Context, of *Ring, schedule Schedule, owns func(types.UID) bool) (logged *bytes.Buffer, done func()) {
	logged = &bytes.Buffer{}
	r := &Renewer{
		Ring: of, Secrets: w.cluster.CoreV1().Secrets(namespace), Schedule: schedule, Bits: 2048, TTL: 3650 * day, Owns: owns,
		Log: slog.New(slog.NewTextHandler(logged, nil)),
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = r.Run(ctx) })
	return logged, func() { cancel(); running.Wait() }
}

// stored are the Secrets of the cluster.
func (w *watched) stored(t *testing.T) []corev1.Secret {
	t.Helper()
	list, err := w.cluster.CoreV1().Secrets(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func pass(d time.Duration) {
	<-time.After(d) // in fake time
	synctest.Wait()
}

func TestKeysAreMadeOnSchedule(t *testing.T) {
	inFakeTime(t, func(t *testing.T, w *watched) {
		log, done := w.renewing(t.Context(), w.Ring, Schedule{Period: 30 * day}, nil)
		defer done()
		synctest.Wait()
		count := func(what string, want int) {
			t.Helper()
			if got := len(w.snapshot().keys); got != want {
				t.Errorf("%s: got %d keys, want %d", what, got, want)
			}
		}
		count("at first", 1)
		secret := w.stored(t)[0]
		key, err := parse(&secret, ByNotBefore)
		if err != nil {
			t.Fatal(err)
		}
		if secret.Type != corev1.SecretTypeTLS || secret.Labels[Label] != Active || !strings.HasPrefix(secret.Name, prefix+"-") ||
			!key.Cert.NotAfter.Equal(key.Cert.NotBefore.Add(3650*day)) || key.Bits() != 2048 || !key.Cert.IsCA {
			t.Errorf("got a Secret %s of type %s with labels %v, and a certificate from %s to %s, want one as of Sealed Secrets",
				secret.Name, secret.Type, secret.Labels, key.Cert.NotBefore, key.Cert.NotAfter)
		}
		sealed, err := w.Seal(t.Context(), []byte("v"), "core/db")
		if err != nil || len(sealed) == 0 {
			t.Errorf("got error %v of sealing by the new key, want none", err)
		}
		pass(29 * day)
		count("before the period has passed", 1)
		pass(2 * day)
		count("after the period", 2)
		if newest, _ := w.Newest(t.Context()); newest.Name == secret.Name {
			t.Error("the newest key is the first one still")
		}
		pass(300 * day)
		count("after ten more", 12)
		if strings.Contains(log.String(), "PRIVATE") || strings.Count(log.String(), "A sealing key was made") != 12 {
			t.Errorf("got log %s, want that of 12 keys, without them", log)
		}
	})
}

func TestReplicasMakeOneKey(t *testing.T) {
	inFakeTime(t, func(t *testing.T, w *watched) {
		ctx, cancel := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		var all []func()
		for range 3 { // further replicas
			other := &Ring{Namespace: namespace, Prefix: prefix, Order: ByNotBefore}
			watching.Go(func() { other.Watch(ctx, w.cluster.CoreV1().Secrets(namespace)) })
			_, done := w.renewing(ctx, other, Schedule{Period: 30 * day}, nil)
			all = append(all, done)
		}
		synctest.Wait()
		for n := 1; n <= 3; n++ {
			if got := len(w.stored(t)); got != n {
				t.Errorf("got %d keys after %d periods, want %d", got, n-1, n)
			}
			pass(30 * day)
		}
		for _, done := range all {
			done()
		}
		cancel()
		watching.Wait()
	})
}

func TestAKeyIsMadeByTheReplicaWhoseTurnItIs(t *testing.T) {
	inFakeTime(t, func(t *testing.T, w *watched) {
		mine := false
		_, done := w.renewing(t.Context(), w.Ring, Schedule{Period: 30 * day}, func(types.UID) bool { return mine })
		defer done()
		pass(time.Hour)
		if got := len(w.stored(t)); got != 0 {
			t.Errorf("got %d keys of a replica whose turn it is not, want none", got)
		}
		mine = true
		pass(settle)
		if got := len(w.stored(t)); got != 1 {
			t.Errorf("got %d keys once it is its turn, want 1", got)
		}
	})
}

func TestARetiredKeyIsReplacedUnderAnotherName(t *testing.T) {
	inFakeTime(t, func(t *testing.T, w *watched) {
		_, done := w.renewing(t.Context(), w.Ring, Schedule{Period: 30 * day}, nil)
		defer done()
		synctest.Wait()
		first := w.stored(t)[0]
		w.update(t, with(&first, func(s *corev1.Secret) { s.Labels[Label] = "compromised" }))
		pass(settle)
		newest, err := w.Newest(t.Context())
		if err != nil || newest == nil || newest.Name == first.Name {
			t.Fatalf("got newest %v and error %v, want another key than %s", newest, err, first.Name)
		}
		if got := len(w.stored(t)); got != 2 {
			t.Errorf("got %d Secrets, want the retired one and a new one", got)
		}
	})
}

func TestKeysThatAreThereAreTakenAsTheyAre(t *testing.T) {
	for name, test := range map[string]struct {
		schedule Schedule
		since    time.Time
		want     int // keys
	}{
		"a young key of Sealed Secrets": {Schedule{Period: 30 * day}, began.Add(-day), 1},
		"an old one":                    {Schedule{Period: 30 * day}, began.Add(-31 * day), 2},
		"one that is older than cutoff": {Schedule{Period: 30 * day, Cutoff: began.Add(-time.Hour)}, began.Add(-day), 2},
		"an old one, and no renewal":    {Schedule{}, began.Add(-1000 * day), 1},
	} {
		t.Run(name, func(t *testing.T) {
			inFakeTime(t, func(t *testing.T, w *watched) {
				_, done := w.renewing(t.Context(), w.Ring, test.schedule, nil)
				defer done()
				pass(time.Minute)
				if got := len(w.snapshot().keys); got != test.want {
					t.Errorf("got %d keys, want %d", got, test.want)
				}
				if got := w.open(t, sealedBy(t, 0, "v", "core/db")); got != "v" {
					t.Errorf("got %q of the old key, want the value", got)
				}
			}, keySecret(t, prefix+"abcde", 0, test.since))
		})
	}
}

func TestAKeyThatMayNotBeMadeIsTriedAgain(t *testing.T) {
	inFakeTime(t, func(t *testing.T, w *watched) {
		refusal := error(apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "x", errors.New("planted")))
		w.cluster.PrependReactor("create", "secrets", func(k8stesting.Action) (bool, runtime.Object, error) { return refusal != nil, nil, refusal })
		log, done := w.renewing(t.Context(), w.Ring, Schedule{Period: 30 * day}, nil)
		defer done()
		pass(time.Minute)
		if !strings.Contains(log.String(), "the syncer may not create Secrets there") || strings.Contains(log.String(), "planted") {
			t.Errorf("got log %s, want what is missing, without what was said", log)
		}
		refusal = nil
		pass(lastRetry)
		if got := len(w.snapshot().keys); got != 1 {
			t.Errorf("got %d keys once it may, want 1", got)
		}
	})
}

func TestOpeningWaitsForTheKeys(t *testing.T) {
	privates()
	synctest.Test(t, func(t *testing.T) {
		r := &Ring{Namespace: namespace, Prefix: prefix, Order: ByNotBefore}
		sealed := sealedBy(t, 0, "v", "core/db")
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if value, err := r.Open(short, "core", sealed); value != nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %d bytes and error %v before the keys are known, want %v", len(value), err, context.DeadlineExceeded)
		}
		got := make(chan string, 1)
		go func() {
			value, err := r.Open(t.Context(), "core", sealed)
			if err != nil {
				value = []byte(err.Error())
			}
			got <- string(value)
		}()
		r.put(watchLabel, true, keySecret(t, "a", 0, began))
		synctest.Wait()
		if len(got) > 0 {
			t.Errorf("got %q while half of the keys are known", <-got)
		}
		r.put(watchName, true)
		if diff := cmp.Diff("v", <-got); diff != "" {
			t.Errorf("once they are known (-want +got):\n%s", diff)
		}
	})
}

func TestKeysThatMayNotBeReadAreAnAnswer(t *testing.T) {
	r := &Ring{Namespace: namespace, Prefix: prefix}
	r.fail(watchLabel, apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "", errors.New("no")))
	r.put(watchName, true)
	_, err := r.Open(t.Context(), "core", sealedBy(t, 0, "v", "core/db"))
	want := `the syncer may not read the sealing keys: bind to its ServiceAccount, in namespace sealing, a Role with the rule ` +
		`{apiGroups: [""], resources: [secrets], verbs: [list, watch]}`
	if err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
	r.put(watchLabel, true, keySecret(t, "a", 0, began))
	if _, err := r.Open(t.Context(), "core", sealedBy(t, 0, "v", "core/db")); err != nil {
		t.Errorf("got error %v once they may be read, want none", err)
	}
}
