package installed

import (
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/secretgate/secretgate/shared/dialect"
)

// PolicyMap is the ConfigMap that both services take the settings of policy from.
const PolicyMap = "policy"

// Deployed finds the Deployment whose pods run a service, by the name of their container.
func Deployed(all []appsv1.Deployment, service string) (*appsv1.Deployment, *corev1.Container) {
	for i := range all {
		containers := all[i].Spec.Template.Spec.Containers
		if n := slices.IndexFunc(containers, func(c corev1.Container) bool { return c.Name == service }); n >= 0 {
			return &all[i], &containers[n]
		}
	}
	return nil, nil
}

// Maps lists the ConfigMaps that a container's environment is of.
func Maps(c *corev1.Container) []string {
	var names []string
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, from := range c.EnvFrom {
		if from.ConfigMapRef != nil {
			add(from.ConfigMapRef.Name)
		}
	}
	for _, e := range c.Env {
		if e.ValueFrom != nil && e.ValueFrom.ConfigMapKeyRef != nil {
			add(e.ValueFrom.ConfigMapKeyRef.Name)
		}
	}
	return names
}

// Told is what a container's service is told, given the ConfigMaps that could be read, by name.
func Told(service dialect.Service, c *corev1.Container, configMaps map[string]map[string]string) Service {
	return Service{Service: service, Args: slices.Concat(c.Command, c.Args), Lookup: lookupIn(environment(c, configMaps))}
}

// ByMap is what a service is told whose Deployment is not known, but the ConfigMap of policy is.
func ByMap(service dialect.Service, data map[string]string) Service {
	return Service{Service: service, Lookup: lookupIn(data)}
}

func lookupIn(data map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { value, set := data[name]; return value, set }
}

// environment is as the kubelet makes it: a later source wins over an earlier one, and what is named by itself over both.
func environment(c *corev1.Container, configMaps map[string]map[string]string) map[string]string {
	env := map[string]string{}
	for _, from := range c.EnvFrom {
		if from.ConfigMapRef == nil {
			continue
		}
		for name, value := range configMaps[from.ConfigMapRef.Name] {
			env[from.Prefix+name] = value
		}
	}
	own := map[string]string{}
	for _, e := range c.Env {
		switch {
		case e.ValueFrom == nil:
			own[e.Name] = e.Value
		case e.ValueFrom.ConfigMapKeyRef != nil:
			if value, found := configMaps[e.ValueFrom.ConfigMapKeyRef.Name][e.ValueFrom.ConfigMapKeyRef.Key]; found {
				own[e.Name] = value
			}
		}
	}
	maps.Copy(env, own)
	return env
}
