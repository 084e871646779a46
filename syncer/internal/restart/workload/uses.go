package workload

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/secretgate/secretgate/shared/revision"
)

// Uses are what pods read. The value is true for what they read when they start alone: the environment, files that are mounted by subPath,
// and what init containers read. The rest is files that the kubelet keeps as the Secret is.
type Uses map[revision.Source]bool

// usesOf is what a pod reads. Pull secrets are read with each pull, and are no matter of restarts.
func usesOf(pod *corev1.PodSpec) Uses {
	u := Uses{}
	volumes := map[string][]revision.Source{}
	for i := range pod.Volumes {
		volumes[pod.Volumes[i].Name] = held(&pod.Volumes[i])
	}
	for i := range pod.InitContainers {
		u.container(&pod.InitContainers[i], volumes, true)
	}
	for i := range pod.Containers {
		u.container(&pod.Containers[i], volumes, false)
	}
	return u
}

func (u Uses) add(kind revision.Kind, name string, atStart bool) {
	if name != "" {
		source := revision.Source{Kind: kind, Name: name}
		u[source] = u[source] || atStart
	}
}

func (u Uses) container(c *corev1.Container, volumes map[string][]revision.Source, init bool) {
	for i := range c.Env {
		from := c.Env[i].ValueFrom
		if from == nil {
			continue
		}
		if from.SecretKeyRef != nil {
			u.add(revision.Secret, from.SecretKeyRef.Name, true)
		}
		if from.ConfigMapKeyRef != nil {
			u.add(revision.ConfigMap, from.ConfigMapKeyRef.Name, true)
		}
	}
	for _, from := range c.EnvFrom {
		if from.SecretRef != nil {
			u.add(revision.Secret, from.SecretRef.Name, true)
		}
		if from.ConfigMapRef != nil {
			u.add(revision.ConfigMap, from.ConfigMapRef.Name, true)
		}
	}
	for _, mount := range c.VolumeMounts {
		for _, source := range volumes[mount.Name] {
			u.add(source.Kind, source.Name, init || mount.SubPath != "" || mount.SubPathExpr != "")
		}
	}
}

// held is what a volume holds.
func held(v *corev1.Volume) []revision.Source {
	var all []revision.Source
	if v.Secret != nil {
		all = append(all, revision.Source{Kind: revision.Secret, Name: v.Secret.SecretName})
	}
	if v.ConfigMap != nil {
		all = append(all, revision.Source{Kind: revision.ConfigMap, Name: v.ConfigMap.Name})
	}
	if v.Projected == nil {
		return all
	}
	for _, part := range v.Projected.Sources {
		if part.Secret != nil {
			all = append(all, revision.Source{Kind: revision.Secret, Name: part.Secret.Name})
		}
		if part.ConfigMap != nil {
			all = append(all, revision.Source{Kind: revision.ConfigMap, Name: part.ConfigMap.Name})
		}
	}
	return all
}
