package manifests

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/secretgate/secretgate/shared/opening"
)

// The webhook asks the syncer at a Service whose port leads to one of the syncer's pods, in the namespace that both are in; policies of the
// network permit that.
func TestTheWebhookAsksTheSyncerWhereItAnswers(t *testing.T) {
	components := []string{"network-policy", "dialects/sealed", "dialects/sealed/verify"}
	var settings map[string]string
	for _, m := range rendered[corev1.ConfigMap](t, "self-signed", components...) {
		if m.Name == "policy" {
			settings = m.Data
		}
	}
	for _, s := range rendered[corev1.Service](t, "self-signed", components...) {
		if s.Name != "sealed-verify" {
			continue
		}
		if got, want := settings["SEALED_VERIFY_ADDRESS"], fmt.Sprintf("%s.%s.svc:%d", s.Name, s.Namespace, s.Spec.Ports[0].Port); got != want {
			t.Errorf("the webhook asks %q, want %q", got, want)
		}
		port := s.Spec.Ports[0].TargetPort.StrVal
		for _, d := range rendered[appsv1.Deployment](t, "self-signed", components...) {
			ports := d.Spec.Template.Spec.Containers[0].Ports
			i := slices.IndexFunc(ports, func(p corev1.ContainerPort) bool { return p.Name == port })
			if (i >= 0) != (d.Name == "syncer") {
				t.Errorf("Deployment %s has the port %s: %t, want it of the syncer alone", d.Name, port, i >= 0)
			}
			if got := settings["SEALED_VERIFY_BIND_ADDRESS"]; i >= 0 && got != fmt.Sprintf(":%d", ports[i].ContainerPort) {
				t.Errorf("the syncer answers at %q, and its pods have the port %d", got, ports[i].ContainerPort)
			}
		}
	}
	var open []string
	for _, p := range rendered[networkingv1.NetworkPolicy](t, "self-signed", components...) {
		for _, rule := range p.Spec.Ingress {
			for _, from := range rule.From {
				if from.PodSelector != nil {
					open = append(open, fmt.Sprintf("to %s from %s at %s", p.Name, from.PodSelector.MatchLabels["app.kubernetes.io/name"], rule.Ports[0].Port))
				}
			}
		}
		for _, rule := range p.Spec.Egress {
			for _, to := range rule.To {
				if to.PodSelector != nil {
					open = append(open, fmt.Sprintf("from %s to %s at %s", p.Name, to.PodSelector.MatchLabels["app.kubernetes.io/name"], rule.Ports[0].Port))
				}
			}
		}
	}
	slices.Sort(open)
	if diff := cmp.Diff([]string{"from webhook to syncer at 8443", "to syncer from webhook at sealed-verify"}, open); diff != "" {
		t.Errorf("what policies of the network open between pods (-want +got):\n%s", diff)
	}
}

// Each service writes the ConfigMap of its own certificates, and no other.
func TestEachServicePublishesItsOwnCertificates(t *testing.T) {
	components := []string{"dialects/sealed", "dialects/sealed/verify"}
	got := map[string][]string{}
	for _, role := range rendered[rbacv1.Role](t, "self-signed", components...) {
		for _, rule := range role.Rules {
			if slices.Contains(rule.Resources, "configmaps") {
				got[role.Name] = append(got[role.Name], fmt.Sprintf("%v %v", rule.ResourceNames, rule.Verbs))
			}
		}
	}
	const webhook, syncer = opening.ConfigMapWebhook, opening.ConfigMapSyncer
	want := map[string][]string{
		webhook: {"[" + webhook + "] [get update]", "[" + syncer + "] [get]"},
		syncer:  {"[" + syncer + "] [get update]", "[" + webhook + "] [get]"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rights on ConfigMaps (-want +got):\n%s", diff)
	}
	for _, m := range rendered[corev1.ConfigMap](t, "self-signed", components...) {
		if (m.Name == webhook || m.Name == syncer) && (len(m.Data) > 0 || m.Namespace == "") {
			t.Errorf("ConfigMap %s: got data %v in namespace %q, want none, in the installation's", m.Name, m.Data, m.Namespace)
		}
	}
}
