package restart

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/syncer/internal/restart/rollout"
)

// Strip leaves of an object for the cache what restarts read. It is a cache's transform. An object that was stripped stays as it is.
func Strip(object any) (any, error) {
	o, ok := object.(metav1.Object)
	if !ok {
		return object, nil
	}
	o.SetManagedFields(nil)
	o.SetOwnerReferences(nil)
	delete(o.GetAnnotations(), corev1.LastAppliedConfigAnnotation)
	switch of := object.(type) {
	case *appsv1.Deployment:
		o.SetLabels(nil)
		of.Annotations = ours(of.Annotations)
		of.Spec.Selector = nil
		stripTemplate(&of.Spec.Template)
	case *appsv1.StatefulSet:
		o.SetLabels(nil)
		of.Annotations = ours(of.Annotations)
		of.Spec.Selector, of.Spec.VolumeClaimTemplates = nil, nil
		stripTemplate(&of.Spec.Template)
	case *appsv1.DaemonSet:
		o.SetLabels(nil)
		of.Annotations = ours(of.Annotations)
		of.Spec.Selector = nil
		stripTemplate(&of.Spec.Template)
	case *rollout.Rollout:
		o.SetLabels(nil)
		of.Annotations = ours(of.Annotations)
		stripTemplate(&of.Spec.Template)
	case *corev1.ConfigMap:
		o.SetLabels(nil)
		of.Annotations = ours(of.Annotations)
		if _, stripped := of.Data[digestKey]; !stripped {
			of.Data, of.BinaryData = map[string]string{digestKey: digest(of)}, nil
		}
	}
	return object, nil
}

// ours are the annotations that mean something to restarts.
func ours(annotations map[string]string) map[string]string {
	maps.DeleteFunc(annotations, func(key, _ string) bool {
		return !strings.HasPrefix(key, names.ReservedPrefix) && !strings.Contains(key, "reloader.stakater.com/")
	})
	return annotations
}

// stripTemplate leaves of a pod template what says which Secrets and ConfigMaps it reads, and how.
func stripTemplate(t *corev1.PodTemplateSpec) {
	t.Labels, t.Annotations = nil, ours(t.Annotations)
	t.Spec = corev1.PodSpec{
		Volumes: t.Spec.Volumes, InitContainers: stripContainers(t.Spec.InitContainers), Containers: stripContainers(t.Spec.Containers),
	}
	t.Spec.Volumes = kept(t.Spec.Volumes, func(v corev1.Volume) bool { return v.Secret != nil || v.ConfigMap != nil || v.Projected != nil })
}

// kept copies some elements of a list: a part of it would hold the memory of all.
func kept[E any](all []E, keep func(E) bool) []E {
	var some []E
	for _, e := range all {
		if keep(e) {
			some = append(some, e)
		}
	}
	return slices.Clip(some)
}

func stripContainers(containers []corev1.Container) []corev1.Container {
	for i, c := range containers {
		env := kept(c.Env, func(e corev1.EnvVar) bool {
			return e.ValueFrom != nil && (e.ValueFrom.SecretKeyRef != nil || e.ValueFrom.ConfigMapKeyRef != nil)
		})
		containers[i] = corev1.Container{Name: c.Name, Env: env, EnvFrom: c.EnvFrom, VolumeMounts: c.VolumeMounts}
	}
	return containers
}

// digestKey is the entry of a stripped ConfigMap that holds the digest of what it held. No ConfigMap of an API server has an entry of this
// name.
const digestKey = "digest of all entries"

// digest is of a ConfigMap, which is no Secret and has no counter of changes.
func digest(m *corev1.ConfigMap) string {
	sum, buffer := sha256.New(), make([]byte, 4<<10)
	for _, name := range slices.Sorted(maps.Keys(m.Data)) {
		_, _ = fmt.Fprintf(sum, "%d:%s=%d:", len(name), name, len(m.Data[name]))
		for text := m.Data[name]; text != ""; { // in pieces: the whole would be copied
			n := copy(buffer, text)
			_, _ = sum.Write(buffer[:n])
			text = text[n:]
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.BinaryData)) {
		_, _ = fmt.Fprintf(sum, "%d:%s~%d:", len(name), name, len(m.BinaryData[name]))
		_, _ = sum.Write(m.BinaryData[name])
	}
	const enough = 8
	return hex.EncodeToString(sum.Sum(nil)[:enough])
}
