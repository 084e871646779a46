package apply

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/digest"
	"github.com/secretgate/secretgate/syncer/internal/owner"
)

// pageSize is how many Secrets are listed at a time. Each may have a megabyte.
const pageSize = 50

// Known is what Secrets were like when they were listed after the start, so that the first comparison of each needs no read of its own.
// Of values it has digests alone, by a key of this process, and it forgets each Secret with its first use. The zero value knows none.
type Known struct {
	mu      sync.Mutex
	digests *digest.Maker
	secrets map[client.ObjectKey]known
}

// known is what one Secret was like.
type known struct {
	version     string // its resourceVersion
	uid         types.UID
	revision    int64
	content     digest.Digest            // of all that is ours but annotations
	annotations map[string]digest.Digest // ours
	foreign     []string                 // labels and annotations of other clients
}

// Load lists the Secrets that are ours in some namespaces, or in all where there are none, page by page. owns reports which objects are
// this replica's.
func (k *Known) Load(ctx context.Context, live client.Reader, namespaces []string, owns func(object types.UID) bool) error {
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	for _, namespace := range namespaces {
		if err := k.load(ctx, live, namespace, owns); err != nil {
			return err
		}
	}
	return nil
}

func (k *Known) load(ctx context.Context, live client.Reader, namespace string, owns func(types.UID) bool) error {
	page := &corev1.SecretList{}
	for more := true; more; more = page.Continue != "" {
		from := page.Continue
		page = &corev1.SecretList{}
		err := live.List(ctx, page, client.InNamespace(namespace), client.MatchingLabels{names.LabelManaged: "true"},
			client.Limit(pageSize), client.Continue(from))
		if err != nil {
			return err
		}
		for i := range page.Items {
			if secret := &page.Items[i]; owns == nil || owns(owner.Of(secret).UID()) {
				k.add(secret)
			}
		}
	}
	return nil
}

func (k *Known) add(secret *corev1.Secret) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.secrets == nil {
		k.secrets, k.digests = map[client.ObjectKey]known{}, digest.NewMaker()
	}
	fields := owner.FieldsOf(secret.ManagedFields, names.FieldManager)
	annotations := map[string]digest.Digest{}
	for key, value := range only(secret.Annotations, fields.Annotations) {
		annotations[key] = k.digests.Of([]byte(value))
	}
	others, otherAnnotations := foreign(secret)
	k.secrets[client.ObjectKeyFromObject(secret)] = known{
		version: secret.ResourceVersion, uid: secret.UID, revision: revisionOf(secret),
		content: k.contentOf(string(secret.Type), secret.Immutable, secret.Data, only(secret.Labels, fields.Labels),
			owners(secret, owner.Of(secret).UID())),
		annotations: withoutOwn(annotations),
		foreign:     slices.Concat(slices.Collect(maps.Keys(others)), slices.Collect(maps.Keys(otherAnnotations))),
	}
}

// unchanged reports whether the Secret of a request is known to be as it should be, and is still the one that was listed.
func (k *Known) unchanged(r Request) (Result, bool) {
	if k == nil || r.Cached == "" || r.Sharing != plan.Exclusive {
		return Result{}, false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	key := client.ObjectKey{Namespace: r.Owner.Namespace, Name: r.Name}
	was, ok := k.secrets[key]
	delete(k.secrets, key)
	switch {
	case !ok, was.version != r.Cached, was.revision == 0, was.revision < r.Revision:
		return Result{}, false
	case slices.ContainsFunc(was.foreign, func(key string) bool { return slices.Contains(r.Removed, key) }):
		return Result{}, false
	}
	desired := merge(&corev1.Secret{}, r)
	annotations := map[string]digest.Digest{}
	for key, value := range desired.Annotations {
		annotations[key] = k.digests.Of([]byte(value))
	}
	delete(was.annotations, r.Stamp.Annotation)
	content := k.contentOf(string(desired.Type), desired.Immutable, desired.Data, desired.Labels, owners(desired, r.Owner.UID))
	if was.content != content || !maps.Equal(was.annotations, withoutOwn(annotations)) {
		return Result{}, false
	}
	return Result{Secret: r.Name, ResourceVersion: was.version, UID: string(was.uid), Revision: was.revision}, true
}

// contentOf is a digest of what a Secret has.
func (k *Known) contentOf(
	kind string, immutable *bool, data map[string][]byte, labels map[string]string, owners []string,
) digest.Digest {
	var parts [][]byte
	add := func(texts ...string) {
		for _, text := range texts {
			parts = append(parts, []byte(text))
		}
	}
	add(kind, strconv.FormatBool(isTrue(immutable)), strconv.Itoa(len(owners)))
	add(owners...)
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		add(key, labels[key])
	}
	add("") // no label has an empty key
	for _, key := range slices.Sorted(maps.Keys(data)) {
		add(key)
		parts = append(parts, data[key])
	}
	return k.digests.Of(parts...)
}

// owners is how a Secret names an object as its owner: by references, and by an annotation.
func owners(secret *corev1.Secret, uid types.UID) []string {
	var all []string
	for _, reference := range secret.OwnerReferences {
		if reference.UID == uid {
			all = append(all, reference.String())
		}
	}
	return append(all, cmp.Or(secret.Annotations[names.AnnotationOwnerUID], "not retained"))
}

// only are the entries with these keys.
func only(all map[string]string, keys []string) map[string]string {
	some := map[string]string{}
	for _, key := range keys {
		if value, ok := all[key]; ok {
			some[key] = value
		}
	}
	return some
}

// withoutOwn leaves out the annotations that say what the others do not.
func withoutOwn(annotations map[string]digest.Digest) map[string]digest.Digest {
	delete(annotations, names.AnnotationOwnerUID)
	delete(annotations, names.AnnotationDataRevision)
	return annotations
}
