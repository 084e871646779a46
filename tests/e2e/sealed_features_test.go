package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// templateData is what template.data of an object holds.
func templateData(t *testing.T, manifest string) map[string]string {
	t.Helper()
	var object struct {
		Spec struct {
			Template struct {
				Data map[string]string `json:"data"`
			} `json:"template"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal([]byte(manifest), &object); err != nil {
		t.Fatal(err)
	}
	return object.Spec.Template.Data
}

// asksByKubeseal has an object validated, and encrypted again with the newest key.
func (s sealedSite) asksByKubeseal(t *testing.T) {
	ns, value := s.namespace(t, "asks"), secretValue()
	manifest := s.seal(t, ns, "db", map[string]string{"password": value}).with(t,
		`{spec: {template: {data: {url: "db://{{ .password }}@host"}}}}`)
	if _, err := s.asks(t, string(manifest), "--validate"); err != nil {
		t.Error(err)
	}
	const cannot = "unable to decrypt sealed secret"
	if _, err := s.asks(t, string(manifest.as(t, ns, "other")), "--validate"); err == nil || !strings.Contains(err.Error(), cannot) {
		t.Errorf("got %v of an object that was renamed, want an error that says %q", err, cannot)
	}

	newest := newSealingKey(t)
	s.kubectl.MustApply(t, "", newest.secret("newest"))
	s.awaitCertificate(t, newest)
	again, err := s.asks(t, string(manifest), "--re-encrypt", "--format=yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(templateData(t, string(manifest)), templateData(t, again)); diff != "" {
		t.Errorf("template.data (-as it was +encrypted again):\n%s", diff)
	}
	if strings.Contains(again, value) {
		t.Error("the object that was encrypted again holds the value")
	}
	opened, err := s.kubeseal(t, again, "--recovery-unseal", "--recovery-private-key="+newest.privateFile())
	if err != nil {
		t.Errorf("the newest key does not open what was encrypted again: %v", err)
	}
	plant(opened)
	s.apply(t, sealedManifest(again))
	s.holds(t, ns, "db", map[string]string{"password": value, "url": "db://" + value + "@host"})
	s.kubectl.Must(t, "delete", "secret", "newest", "-n", "secretgate")
}

// restrictsKubeseal: every user may read the certificate, and those who are named in a RoleBinding may have objects validated.
func (s sealedSite) restrictsKubeseal(t *testing.T) {
	ns := s.namespace(t, "restricts")
	s.kubectl.Must(t, "create", "serviceaccount", "ci", "-n", ns)
	ci, _, err := s.lab.ServiceAccountKubeconfig(t.Context(), ns, "ci")
	if err != nil {
		t.Fatal(err)
	}
	if certificate, err := s.kubesealAs(t, ci, "", "--fetch-cert"); err != nil || !strings.Contains(certificate, "BEGIN CERTIFICATE") {
		t.Errorf("got %q (%v), want the certificate", certificate, err)
	}
	manifest := string(s.seal(t, ns, "db", map[string]string{"a": secretValue()}))
	if _, err := s.kubesealAs(t, ci, manifest, "--validate"); err == nil || !strings.Contains(err.Error(), "forbidden") {
		t.Errorf("got %v, want a refusal of a user who is not bound to the Role", err)
	}
	s.kubectl.Must(t, "create", "rolebinding", "kubeseal", "-n", "secretgate", "--role=sealed-secrets-service-proxier",
		"--serviceaccount="+ns+":ci")
	if _, err := s.kubesealAs(t, ci, manifest, "--validate"); err != nil {
		t.Error(err)
	}
	if _, err := s.kubesealAs(t, ci, manifest, "--re-encrypt"); err != nil {
		t.Error(err)
	}
}

// scopes applies objects of each scope as they were sealed, under another name, and in another namespace.
func (s sealedSite) scopes(t *testing.T) {
	ns, other := s.namespace(t, "scopes"), s.namespace(t, "scopes-other")
	for _, c := range []struct {
		scope, namespace, name string
		opens                  bool
	}{
		{"strict", ns, "strict", true},
		{"strict", ns, "strict-renamed", false},
		{"strict", other, "strict", false},
		{"namespace-wide", ns, "namespace-wide", true},
		{"namespace-wide", ns, "namespace-wide-renamed", true},
		{"namespace-wide", other, "namespace-wide", false},
		{"cluster-wide", ns, "cluster-wide", true},
		{"cluster-wide", ns, "cluster-wide-renamed", true},
		{"cluster-wide", other, "cluster-wide", true},
	} {
		value := secretValue()
		manifest := s.seal(t, ns, c.scope, map[string]string{"a": value}, "--scope="+c.scope)
		s.apply(t, manifest.as(t, c.namespace, c.name))
		if !c.opens {
			s.says(t, c.namespace, c.name, "False", noKey)
			s.hasNot(t, c.namespace, c.name)
			s.hasEvent(t, c.namespace, c.name, "ErrUnsealFailed")
			continue
		}
		s.holds(t, c.namespace, c.name, map[string]string{"a": value})
		s.says(t, c.namespace, c.name, "True", "")
	}
}

// noKey is what the status says of what cannot be opened.
const noKey = "no key of this cluster opens it"

// followsScope takes the annotation of a scope away, and gives it back: the Secret stays as it is meanwhile.
func (s sealedSite) followsScope(t *testing.T) {
	ns, value := s.namespace(t, "follows-scope"), secretValue()
	want := map[string]string{"a": value}
	const annotation = "sealedsecrets.bitnami.com/cluster-wide"
	s.apply(t, s.seal(t, ns, "db", want, "--scope=cluster-wide"))
	s.holds(t, ns, "db", want)
	s.kubectl.Must(t, "annotate", "sealedsecret", "db", "-n", ns, annotation+"-")
	s.says(t, ns, "db", "False", noKey)
	s.has(t, ns, "db", want)
	s.kubectl.Must(t, "annotate", "sealedsecret", "db", "-n", ns, annotation+"=true")
	s.says(t, ns, "db", "True", "")
}

// repairs has a Secret edited and deleted by hand.
func (s sealedSite) repairs(t *testing.T) {
	ns, value := s.namespace(t, "repairs"), secretValue()
	want := map[string]string{"a": value}
	s.apply(t, s.seal(t, ns, "db", want))
	s.holds(t, ns, "db", want)
	s.kubectl.Must(t, "patch", "secret", "db", "-n", ns, "--type=merge", `--patch={"stringData": {"a": "edited", "b": "added"}}`)
	s.holds(t, ns, "db", want)
	s.kubectl.Must(t, "delete", "secret", "db", "-n", ns)
	s.holds(t, ns, "db", want)
}

// templates has plain values beside sealed ones, one that is not written, and one of a name that is sealed, too.
func (s sealedSite) templates(t *testing.T) {
	ns, user, password := s.namespace(t, "templates"), secretValue(), secretValue()
	manifest := s.seal(t, ns, "db", map[string]string{"user": user, "password": password, "dotted.name": "x"}).with(t, `
spec:
  template:
    type: example.com/db
    metadata: {labels: {team: core}, annotations: {note: short}}
    data:
      url: 'db://{{ .user }}:{{ .password | b64enc | b64dec }}@{{ .host }}/{{ index . "dotted.name" }}'
      host: h
      user: loses
      password: STAYS-OUT
`)
	// kubectl leaves null out of what it applies, but for the API server to apply.
	s.kubectl.MustApply(t, "", strings.ReplaceAll(string(manifest), "STAYS-OUT", "null"), "--server-side")
	secret := s.holds(t, ns, "db", map[string]string{
		"user": user, "dotted.name": "x", "host": "h", "url": fmt.Sprintf("db://%s:%s@h/x", user, password),
	})
	if secret.Type != "example.com/db" || secret.Labels["team"] != "core" || secret.Annotations["note"] != "short" {
		t.Errorf("got type %q, labels %v and annotations %v, want those of the template", secret.Type, secret.Labels, secret.Annotations)
	}
}

// adopts has Secrets of another client, which ask for it by the annotations of Sealed Secrets.
func (s sealedSite) adopts(t *testing.T) {
	ns, value := s.namespace(t, "adopts"), secretValue()
	annotations := map[string]string{"managed": "managed", "patch": "patched", "other": "foreign"}
	for annotation, name := range annotations {
		s.kubectl.MustApply(t, ns, fmt.Sprintf(`{apiVersion: v1, kind: Secret, metadata: {name: %s,
			annotations: {sealedsecrets.bitnami.com/%s: "true"}}, stringData: {theirs: x, ours: old}}`, name, annotation))
		s.apply(t, s.seal(t, ns, name, map[string]string{"ours": value}))
	}
	for _, name := range annotations {
		s.says(t, ns, name, "False", name)
		s.has(t, ns, name, map[string]string{"theirs": "x", "ours": "old"})
	}
	s.kubectl.Must(t, "annotate", "namespace", ns, "secretgate.io/permit-adopt=true")
	taken := s.holds(t, ns, "managed", map[string]string{"ours": value})
	if len(taken.OwnerReferences) != 1 {
		t.Errorf("got the owners %v of a Secret that was taken over, want the SealedSecret", taken.OwnerReferences)
	}
	completed := s.holds(t, ns, "patched", map[string]string{"theirs": "x", "ours": value})
	if len(completed.OwnerReferences) > 0 {
		t.Errorf("got the owners %v of a Secret that another client makes, want none", completed.OwnerReferences)
	}
	s.says(t, ns, "foreign", "False", "foreign")
	s.has(t, ns, "foreign", map[string]string{"theirs": "x", "ours": "old"})
}

// ownerless has a Secret that outlives its object, and one that is not changed any more.
func (s sealedSite) ownerless(t *testing.T) {
	ns, first, second := s.namespace(t, "ownerless"), secretValue(), secretValue()
	s.apply(t, s.seal(t, ns, "outlives", map[string]string{"a": first}).with(t,
		`{spec: {template: {metadata: {annotations: {sealedsecrets.bitnami.com/skip-set-owner-references: "true"}}}}}`))
	if secret := s.holds(t, ns, "outlives", map[string]string{"a": first}); len(secret.OwnerReferences) > 0 {
		t.Errorf("got owners %v, want none", secret.OwnerReferences)
	}
	immutable := func(value string) sealedManifest {
		return s.seal(t, ns, "immutable", map[string]string{"a": value}).with(t, "{spec: {template: {immutable: true}}}")
	}
	s.apply(t, immutable(first))
	if secret := s.holds(t, ns, "immutable", map[string]string{"a": first}); secret.Immutable == nil || !*secret.Immutable {
		t.Error("got a Secret that may be changed, want an immutable one")
	}
	s.apply(t, immutable(second))
	s.says(t, ns, "immutable", "False", "immutable")
	s.has(t, ns, "immutable", map[string]string{"a": first})
	s.hasEvent(t, ns, "immutable", "ErrUpdateFailed")
}
