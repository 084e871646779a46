package shard

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/dialect/tuenti/v1alpha1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/syncer/internal/shard/ring"
	"github.com/secretgate/secretgate/syncer/internal/shard/shardtest"
)

// eachWay tests the four ways in which an informer and an API server may meet.
func eachWay(t *testing.T, test func(t *testing.T, s *shardtest.Server, stream bool)) {
	for _, stream := range []bool{true, false} {
		for _, sharded := range []bool{true, false} {
			t.Run(fmt.Sprintf("streamed %t, sharded by the server %t", stream, sharded), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := shardtest.NewServer(t, "externalsecrets", &apiv1.ExternalSecret{}, &apiv1.ExternalSecretList{})
					s.Sharded = sharded
					test(t, s, stream)
				})
			})
		}
	}
}

func TestInformerFollowsTheShare(t *testing.T) {
	a, b := two.Share("a"), two.Share("b")
	eachWay(t, func(t *testing.T, s *shardtest.Server, stream bool) {
		s.Set(externalSecret("a1", uidIn(a, 0)))
		s.Set(externalSecret("b1", uidIn(b, 0)))
		o := inform(t, s, stream)
		o.expect(t, "") // whose they are is not known yet
		o.own(a)
		o.expect(t, "a1", "add a1")

		s.Set(externalSecret("a2", uidIn(a, 1)))
		s.Set(externalSecret("b2", uidIn(b, 1)))
		s.Set(externalSecret("b1", uidIn(b, 0)))
		o.expect(t, "a1 a2", "add a2")

		o.own(ring.Whole()) // the other one has died
		o.expect(t, "a1 a2 b1 b2", "add b1", "add b2", "update a1", "update a2")
		s.Set(externalSecret("b2", uidIn(b, 1)))
		o.expect(t, "a1 a2 b1 b2", "update b2")

		o.own(b) // a third one takes some, which gives some back
		o.expect(t, "b1 b2", "delete a1", "delete a2")
		o.own(a)
		o.expect(t, "a1 a2", "add a1", "add a2", "delete b1", "delete b2")
		if err := s.Delete(t.Context(), "core/a1", metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
		o.expect(t, "a2", "delete a1")

		o.own(ring.Share{}) // suspended
		o.expect(t, "", "delete a2")
		o.own(a)
		o.expect(t, "a2", "add a2")
		s.Set(externalSecret("a3", uidIn(a, 2)))
		o.expect(t, "a2 a3", "add a3")
	})
}

// A rolling update changes the ring many times a minute. The informer follows each at once: the bubble's
// time does not pass.
func TestManyChangesAreFollowedWithoutWaiting(t *testing.T) {
	a, b := two.Share("a"), two.Share("b")
	eachWay(t, func(t *testing.T, s *shardtest.Server, stream bool) {
		s.Set(externalSecret("a1", uidIn(a, 0)))
		s.Set(externalSecret("b1", uidIn(b, 0)))
		o := inform(t, s, stream)
		o.own(a)
		start := time.Now()
		for range 50 {
			o.own(b)
			o.own(a)
			o.own(ring.Whole())
			o.own(a)
		}
		o.mu.Lock()
		o.told = nil
		o.mu.Unlock()
		o.expect(t, "a1")
		if waited := time.Since(start); waited != 0 {
			t.Errorf("it took %s", waited)
		}
	})
}

func TestServerThatKnowsHowIsAskedForTheShareAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := two.Share("a"), two.Share("b")
		s := shardtest.NewServer(t, "externalsecrets", &apiv1.ExternalSecret{}, &apiv1.ExternalSecretList{})
		s.Sharded = true
		s.Set(externalSecret("a1", uidIn(a, 0)))
		s.Set(externalSecret("b1", uidIn(b, 0)))
		o := inform(t, s, true)
		o.own(a)
		o.own(b)
		o.own(ring.Whole())
		want := []string{"watch " + a.Selector(), "list " + b.Selector(), "watch " + b.Selector(), "list ", "watch "}
		if diff := cmp.Diff(want, s.Requests()); diff != "" {
			t.Error(diff)
		}
		if n := testutil.ToFloat64(o.metrics.filtered); n != 0 {
			t.Errorf("%v objects were sent in vain", n)
		}
		s.Sharded = false
		o.own(a)
		s.Set(externalSecret("b1", uidIn(b, 0)))
		synctest.Wait()
		if n := testutil.ToFloat64(o.metrics.filtered); n != 1 {
			t.Errorf("%v objects were dropped", n)
		}
	})
}

func TestSecretsGoWithTheirOwners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := two.Share("a"), two.Share("b")
		s := shardtest.NewServer(t, "secrets", secretOf("", ""), &metav1.PartialObjectMetadataList{})
		ownerA, ownerB := uidIn(a, 0), uidIn(b, 0)
		retained := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: metav1.ObjectMeta{
			Namespace: "core", Name: "retained", Annotations: map[string]string{names.AnnotationOwnerUID: string(ownerB)}}}
		ownerless := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: metav1.ObjectMeta{Namespace: "core", Name: "ownerless"}}
		foreign := secretOf("foreign", ownerB)
		foreign.OwnerReferences[0].APIVersion = "apps/v1"
		for _, secret := range []*metav1.PartialObjectMetadata{secretOf("a", ownerA), secretOf("b", ownerB), retained, ownerless, foreign} {
			s.Set(secret)
		}
		s.Prototype = &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}}
		o := inform(t, s, true)
		o.own(a)
		o.expect(t, "a foreign ownerless", "add a", "add foreign", "add ownerless")
		o.own(b)
		o.expect(t, "b foreign ownerless retained", "add b", "add retained", "delete a", "update foreign", "update ownerless")

		s.Set(secretOf("b", ownerA)) // the object was deleted and another one made
		o.expect(t, "foreign ownerless retained", "delete b")
		s.Set(secretOf("a", ownerB))
		o.expect(t, "a foreign ownerless retained", "add a")
		for _, asked := range s.Requests() {
			if strings.Contains(asked, "shardRange") {
				t.Errorf("asked for a share by the Secrets' own uids: %s", asked)
			}
		}
		for _, object := range o.informer.GetStore().List() {
			if got := object.(runtime.Object).GetObjectKind().GroupVersionKind(); got != secretKind { //nolint:errcheck // a panic fails the test
				t.Errorf("a Secret became %s", got)
			}
		}
	})
}

// The API server is down while the ring changes; nothing is lost or kept that should not be.
func TestShareChangesWhileTheServerIsDown(t *testing.T) {
	a, b := two.Share("a"), two.Share("b")
	eachWay(t, func(t *testing.T, s *shardtest.Server, stream bool) {
		s.Set(externalSecret("a1", uidIn(a, 0)))
		s.Set(externalSecret("b1", uidIn(b, 0)))
		o := inform(t, s, stream)
		o.own(a)
		o.expect(t, "a1", "add a1")
		s.FailWith(func(string) error { return errors.New("no answer") })
		o.own(ring.Share{}) // what it may not serve is gone at once all the same
		o.expect(t, "", "delete a1")
		o.own(b)
		s.Set(externalSecret("b2", uidIn(b, 1)))
		s.FailWith(nil)
		<-time.After(2 * time.Minute) // the bubble's: the reflector backs off
		o.expect(t, "b1 b2", "add b1", "add b2")
	})
}

func TestOnlyWhatIsSharedIsNarrowed(t *testing.T) {
	metadata := func(group, kind string) runtime.Object {
		object := &metav1.PartialObjectMetadata{}
		object.SetGroupVersionKind(schema.GroupVersionKind{Group: group, Version: "v1", Kind: kind})
		return object
	}
	for _, tc := range []struct {
		name              string
		object            runtime.Object
		narrowed, selects bool
	}{
		{"ExternalSecrets, by their uid", &apiv1.ExternalSecret{}, true, true},
		{"their metadata, too", metadata(apiv1.GroupVersion.Group, apiv1.Kind), true, true},
		{"SecretDefinitions, by their uid", &v1alpha1.SecretDefinition{}, true, true},
		{"metadata of Secrets, by their owner's", metadata("", "Secret"), true, false},
		{"metadata of namespaces is everybody's", metadata("", "Namespace"), false, false},
		{"a Secret of another group is none", metadata("example.com", "Secret"), false, false},
		{"full namespaces are everybody's", &corev1.Namespace{}, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := Informers{Kinds: kinds(), Metrics: NewMetrics()}.narrow(listing{}, tc.object)
			if (w != nil) != tc.narrowed || w != nil && w.selects != tc.selects {
				t.Errorf("%+v", w)
			}
		})
	}
}
