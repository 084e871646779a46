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
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/secretgate/secretgate/shared/plan"
)

// crowd understands nothing, a second for each object, and notes how many bytes there were at a time.
type crowd struct {
	mu            sync.Mutex
	present, most int
}

func (c *crowd) understand(raw []byte, _ string) (*plan.Plan, field.ErrorList, error) {
	c.enter(len(raw))
	defer c.enter(-len(raw))
	<-time.After(time.Second)
	return nil, nil, errors.New("nothing is understood")
}

func (c *crowd) enter(size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.present += size
	c.most = max(c.most, c.present)
}

func TestLargeObjectsWaitForEachOther(t *testing.T) {
	for name, c := range map[string]struct {
		size, objects int
		most          int
		takes         time.Duration
	}{
		"ordinary ones do not wait":             {size: 5 << 10, objects: 100, most: 500 << 10, takes: time.Second},
		"large ones wait for room":              {size: 200 << 10, objects: 6, most: 400 << 10, takes: 3 * time.Second},
		"one larger than all the room is alone": {size: 3 << 20, objects: 3, most: 3 << 20, takes: 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				seen := &crowd{}
				v := &Validator{Understand: seen.understand, Room: NewRoom()}
				begin := time.Now()
				var all sync.WaitGroup
				for range c.objects {
					all.Go(func() { v.Handle(t.Context(), creation(strings.Repeat(" ", c.size))) })
				}
				all.Wait()
				if took := time.Since(begin); seen.most != c.most || took != c.takes {
					t.Errorf("%d bytes at a time, want %d; took %s, want %s", seen.most, c.most, took, c.takes)
				}
			})
		})
	}
}

func TestObjectsThatFindNoRoomAreDenied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := NewRoom()
		leave, err := room.enter(t.Context(), roomBytes)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		for _, handler := range []admission.Handler{&Mutator{Room: room}, &Validator{Room: room}} {
			if got := handler.Handle(ctx, creation(`{}`)); got.Allowed || got.Result.Reason != metav1.StatusReasonServiceUnavailable {
				t.Errorf("%T answers %+v", handler, got.Result)
			}
		}
		leave()
		if got := (&Mutator{Room: room}).Handle(t.Context(), creation(`{}`)); !got.Allowed {
			t.Errorf("denied, though there is room: %+v", got.Result)
		}
	})
}
