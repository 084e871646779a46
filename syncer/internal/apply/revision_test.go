package apply

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

func TestTheRevisionCountsChangesOfTheData(t *testing.T) {
	const key = names.AnnotationDataRevision
	for _, tc := range []struct {
		name     string
		stored   string // the count of the Secret that exists; empty: it has none
		absent   bool   // there is no Secret
		known    int64  // to the status
		data     string // what is to be written; the Secret that exists holds old
		want     int64
		contents string // of the annotation afterwards
	}{
		{name: "a first write is the first", absent: true, data: "new", want: 1, contents: "1"},
		{name: "a Secret that was deleted goes on counting", absent: true, known: 4, data: "old", want: 5, contents: "5"},
		{name: "a change counts", stored: "4", known: 4, data: "new", want: 5, contents: "5"},
		{name: "the same data do not", stored: "4", known: 4, data: "old", want: 4, contents: "4"},
		{name: "a status that was lost lowers nothing", stored: "4", data: "new", want: 5, contents: "5"},
		{name: "a status that is older lowers nothing", stored: "4", known: 3, data: "old", want: 4, contents: "4"},
		{name: "an annotation that was removed comes back", known: 4, data: "old", want: 4, contents: "4"},
		{name: "one that was lowered comes back", stored: "2", known: 4, data: "old", want: 4, contents: "4"},
		{name: "a Secret that was never counted has its first", data: "old", want: 1, contents: "1"},
		{name: "a text is no count", stored: "many", known: 4, data: "new", want: 5, contents: "5"},
		{name: "nor is a number that no syncer reaches", stored: "9223372036854775807", known: 4, data: "new", want: 5, contents: "5"},
		{name: "nor is a negative one", stored: "-7", known: 4, data: "old", want: 4, contents: "4"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var objects []client.Object
			if !tc.absent {
				secret := &corev1.Secret{
					ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "db", UID: "uid-of-db", OwnerReferences: controlledBy("ExternalSecret", "db", "1")},
					Data:       map[string][]byte{"a": []byte("old")},
				}
				if tc.stored != "" {
					secret.Annotations = map[string]string{key: tc.stored}
				}
				objects = append(objects, secret)
			}
			c := cluster(t, objects...)
			write := func() Result {
				result, err := (&Writer{Client: c}).Write(t.Context(), Request{
					Owner: mine, Name: "db", Expected: !tc.absent, Revision: tc.known,
					Content: &render.Secret{Data: map[string][]byte{"a": []byte(tc.data)}},
				})
				if err != nil {
					t.Fatal(err)
				}
				return result
			}
			result := write()
			secret := &corev1.Secret{}
			if err := c.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "db"}, secret); err != nil {
				t.Fatal(err)
			}
			if result.Revision != tc.want || secret.Annotations[key] != tc.contents || result.UID != string(secret.UID) {
				t.Errorf("got revision %d, annotation %q and uid %q, want %d, %q and %q",
					result.Revision, secret.Annotations[key], result.UID, tc.want, tc.contents, secret.UID)
			}
			want := Result{Secret: "db", ResourceVersion: secret.ResourceVersion, UID: string(secret.UID), Revision: tc.want}
			if diff := cmp.Diff(want, write()); diff != "" {
				t.Errorf("a second write of the same (-want +got):\n%s", diff)
			}
		})
	}
}
