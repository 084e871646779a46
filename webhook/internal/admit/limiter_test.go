package admit

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/secretgate/secretgate/shared/dialect"
)

// slowKind is a kind whose objects take a second each and cannot be decoded, and notes how many bytes there were at a time.
type slowKind struct {
	dialect.Kind
	mu            sync.Mutex
	present, most int
}

func (p *slowKind) New() dialect.Object { return &slow{Object: p.Kind.New(), seen: p} }

type slow struct {
	dialect.Object
	seen *slowKind
}

func (s *slow) UnmarshalJSON(raw []byte) error {
	s.seen.enter(len(raw))
	defer s.seen.enter(-len(raw))
	<-time.After(time.Second)
	return errors.New("nothing can be parsed")
}

func (p *slowKind) enter(size int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.present += size
	p.most = max(p.most, p.present)
}

func TestLargeObjectsWaitForEachOther(t *testing.T) {
	for name, c := range map[string]struct {
		size, objects int
		most          int
		takes         time.Duration
	}{
		"ordinary ones do not wait":                   {size: 5 << 10, objects: 25, most: 125 << 10, takes: time.Second},
		"large ones wait":                             {size: 150 << 10, objects: 6, most: 300 << 10, takes: 3 * time.Second},
		"one larger than all that may be in is alone": {size: 1 << 20, objects: 3, most: 1 << 20, takes: 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				seen := &slowKind{Kind: externalSecrets[0]}
				v := &Validator{Kinds: []dialect.Kind{seen}, Limiter: NewLimiter()}
				begin := time.Now()
				var all sync.WaitGroup
				for range c.objects {
					all.Go(func() { v.Handle(t.Context(), creation(`"`+strings.Repeat("x", c.size-2)+`"`)) })
				}
				all.Wait()
				if took := time.Since(begin); seen.most != c.most || took != c.takes {
					t.Errorf("%d bytes at a time, want %d; took %s, want %s", seen.most, c.most, took, c.takes)
				}
			})
		})
	}
}

// handlers are all that judge objects.
func handlers(l *Limiter) []admission.Handler {
	return []admission.Handler{&Mutator{Kinds: externalSecrets, Limiter: l}, &Validator{Kinds: externalSecrets, Limiter: l}}
}

func TestSmallObjectsNeverWaitForLargeOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter()
		release, err := l.decoding.acquire(t.Context(), "core", maxObject)
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		if got := (&Mutator{Kinds: externalSecrets, Limiter: l}).Handle(t.Context(), creation(`{}`)); !got.Allowed {
			t.Errorf("a small object beside a large one is answered %+v", got.Result)
		}
	})
}

func TestObjectsThatHaveNoTurnAreDeniedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter()
		release, err := l.decoding.acquire(t.Context(), "elsewhere", smallReview)
		for range smallDecoding/smallReview - 1 {
			if err == nil {
				_, err = l.decoding.acquire(t.Context(), "elsewhere", smallReview)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		for _, handler := range handlers(l) {
			got := handler.Handle(ctx, creation(`{}`))
			const want = `the webhook is overloaded, and the request of namespace "core" timed out: apply again, fewer or smaller objects at a time`
			if got.Allowed || got.Result.Reason != metav1.StatusReasonServiceUnavailable || got.Result.Message != want {
				t.Errorf("%T answers %+v, want %q", handler, got.Result, want)
			}
		}
		release()
		if got := (&Mutator{Kinds: externalSecrets, Limiter: l}).Handle(t.Context(), creation(`{}`)); !got.Allowed {
			t.Errorf("denied in its turn: %+v", got.Result)
		}
	})
}

func TestObjectsThatCannotBeStoredAreDeniedUnread(t *testing.T) {
	object := `{"metadata": {}, "spec": "` + strings.Repeat("x", maxObject) + `"}`
	for _, handler := range handlers(NewLimiter()) {
		got := handler.Handle(t.Context(), creation(object))
		const want = "the object has 1537 KiB, and no more than 1536 KiB are judged, as etcd stores no more: make several objects of it"
		if got.Allowed || got.Result.Code != 413 || got.Result.Message != want {
			t.Errorf("%T answers %+v, want %q", handler, got.Result, want)
		}
	}
	request := namespaceRequest(t, nil, nil)
	request.Object = runtime.RawExtension{Raw: []byte(object)}
	got := (&NamespaceValidator{Limiter: NewLimiter()}).Handle(t.Context(), request)
	if !got.Allowed || len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], "lets them pass: the object has 1537 KiB") {
		t.Errorf("such a namespace is answered %+v with %q", got.Result, got.Warnings)
	}
}
