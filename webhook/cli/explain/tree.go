package explain

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/webhook/cli/shape"
)

// Sources lists what an object reads.
func Sources(s Subject) []shape.Source {
	if s.Plan == nil {
		return []shape.Source{}
	}
	all, _ := sources(s.Plan, s.judged())
	return all
}

// Owned reports whether a Secret is an object's.
func Owned(secret, object metav1.Object) bool {
	return secret.GetAnnotations()[names.AnnotationOwnerUID] == string(object.GetUID()) ||
		slices.ContainsFunc(secret.GetOwnerReferences(), func(r metav1.OwnerReference) bool { return r.UID == object.GetUID() })
}

// Changed is when the syncer last wrote a Secret; zero where it never did.
func Changed(secret metav1.Object) time.Time {
	var last time.Time
	for _, m := range secret.GetManagedFields() {
		if m.Manager == names.FieldManager && m.Time != nil && m.Time.After(last) {
			last = m.Time.Time
		}
	}
	return last
}

// Pods lists those that use a Secret, which last changed at a time.
func Pods(pods []corev1.Pod, secret string, changed time.Time) []shape.Pod {
	all := []shape.Pod{}
	for i := range pods {
		pod := &pods[i]
		uses := usesOf(pod, secret)
		if len(uses) == 0 {
			continue
		}
		one := shape.Pod{Name: pod.Name, Phase: string(pod.Status.Phase), Uses: uses}
		if owner := metav1.GetControllerOf(pod); owner != nil {
			one.Controller = owner.Kind + "/" + owner.Name
		}
		for _, use := range uses {
			one.Outdated = one.Outdated || (use.How == useEnv || use.How == useSubPath) && startedBefore(pod, use.Container, changed)
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b shape.Pod) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// The uses of a Secret. A volume follows the Secret, an env variable and a subPath are as the Secret was when the container started.
const (
	useVolume    = "volume"
	useSubPath   = "subPath"
	useEnv       = "env"
	useImagePull = "imagePullSecret"
)

func usesOf(pod *corev1.Pod, secret string) []shape.Use {
	var uses []shape.Use
	mounted := map[string]bool{}
	for i := range pod.Spec.Volumes {
		if v := &pod.Spec.Volumes[i]; holds(v, secret) {
			mounted[v.Name] = true
		}
	}
	for _, c := range containers(pod) {
		for _, m := range c.VolumeMounts {
			switch {
			case mounted[m.Name] && m.SubPath+m.SubPathExpr != "":
				uses = append(uses, shape.Use{How: useSubPath, Container: c.Name, Name: m.Name})
			case mounted[m.Name]:
				uses = append(uses, shape.Use{How: useVolume, Container: c.Name, Name: m.Name})
			}
		}
		for _, from := range c.EnvFrom {
			if from.SecretRef != nil && from.SecretRef.Name == secret {
				uses = append(uses, shape.Use{How: useEnv, Container: c.Name})
			}
		}
		for _, e := range c.Env {
			if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil && e.ValueFrom.SecretKeyRef.Name == secret {
				uses = append(uses, shape.Use{How: useEnv, Container: c.Name, Name: e.Name})
			}
		}
	}
	for _, r := range pod.Spec.ImagePullSecrets {
		if r.Name == secret {
			uses = append(uses, shape.Use{How: useImagePull})
		}
	}
	return uses
}

// holds reports whether a volume is of a Secret, in whole or in part.
func holds(v *corev1.Volume, secret string) bool {
	switch {
	case v.Secret != nil:
		return v.Secret.SecretName == secret
	case v.Projected != nil:
		return slices.ContainsFunc(v.Projected.Sources, func(s corev1.VolumeProjection) bool {
			return s.Secret != nil && s.Secret.Name == secret
		})
	case v.CSI != nil && v.CSI.NodePublishSecretRef != nil:
		return v.CSI.NodePublishSecretRef.Name == secret
	}
	return false
}

func containers(pod *corev1.Pod) []corev1.Container {
	all := slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers)
	for _, c := range pod.Spec.EphemeralContainers {
		all = append(all, corev1.Container(c.EphemeralContainerCommon))
	}
	return all
}

// startedBefore reports whether a container that runs started before a time.
func startedBefore(pod *corev1.Pod, container string, t time.Time) bool {
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses) {
		if s.Name == container {
			return s.State.Running != nil && s.State.Running.StartedAt.Time.Before(t)
		}
	}
	return false
}
