package e2e

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// sealedAttack is one of testdata/sealed-attacks.yaml.
type sealedAttack struct {
	Of     string         `json:"of,omitempty"`
	Scope  string         `json:"scope,omitempty"`
	Name   string         `json:"name,omitempty"`
	Patch  map[string]any `json:"patch,omitempty"`
	Cut    int            `json:"cut,omitempty"`    // this many bytes off the end
	Length uint16         `json:"length,omitempty"` // in the place of the wrapped key's
	Denied bool           `json:"denied,omitempty"`
	Want   string         `json:"want"`
}

// refuses applies every attack with the webhook, and again without it.
func (s sealedSite) refuses(t *testing.T) {
	const victim, ns = "attacks-victim", "attacks"
	s.namespace(t, victim)
	s.namespace(t, ns, `secretgate.io/permitted-sealing-scope: "strict\nnamespace-wide"`)
	var attacks map[string]sealedAttack
	if err := yaml.UnmarshalStrict([]byte(readFile(t, "testdata/sealed-attacks.yaml")), &attacks); err != nil {
		t.Fatal(err)
	}
	manifests := map[string]sealedManifest{}
	for name, attack := range attacks {
		manifests[name] = s.attack(t, ns, name, attack)
		if attack.Denied {
			s.denies(t, name, manifests[name], attack.Want)
		} else if said, err := s.kubectl.Apply(t.Context(), "", string(manifests[name]), "--dry-run=server"); err != nil {
			t.Errorf("%s: %v: %s, want it admitted, since no key is at hand there", name, err, said)
		}
	}
	s.rotatesNothing(t, victim)

	s.kubectl.Must(t, "delete", "validatingwebhookconfiguration", "secretgate-webhook")
	for _, name := range slices.Sorted(maps.Keys(attacks)) {
		object := attacks[name].Name
		if object == "" {
			object = name
		}
		s.apply(t, manifests[name])
		s.says(t, ns, object, "False", attacks[name].Want)
		s.kubectl.Must(t, "delete", "sealedsecret", object, "-n", ns)
	}
	var left corev1.SecretList
	s.decode(t, &left, "secrets", "-n", ns)
	for _, secret := range left.Items {
		t.Errorf("got Secret %s, want none", secret.Name)
	}
}

// attack is the manifest of one.
func (s sealedSite) attack(t *testing.T, ns, name string, attack sealedAttack) sealedManifest {
	t.Helper()
	if attack.Of == "" {
		attack.Of = "attacks-victim"
	}
	if attack.Scope == "" {
		attack.Scope = "strict"
	}
	if attack.Name == "" {
		attack.Name = name
	}
	manifest := s.seal(t, attack.Of, "db", map[string]string{"a": secretValue()}, "--scope="+attack.Scope).as(t, ns, attack.Name)
	ciphertext, err := base64.StdEncoding.DecodeString(manifest.entries(t)["a"])
	if err != nil {
		t.Fatal(err)
	}
	ciphertext = ciphertext[:max(0, len(ciphertext)-attack.Cut)]
	if attack.Length > 0 {
		binary.BigEndian.PutUint16(ciphertext, attack.Length)
	}
	patch, err := yaml.Marshal(attack.Patch)
	if err != nil {
		t.Fatal(err)
	}
	changed := fmt.Sprintf("{spec: {encryptedData: {a: %s}}}", base64.StdEncoding.EncodeToString(ciphertext))
	return manifest.with(t, changed).with(t, string(patch))
}

// rotatesNothing has objects of others encrypted again as if their scope were a wider one, or as another object's: what comes back, if
// anything does, opens where the original did and nowhere else.
func (s sealedSite) rotatesNothing(t *testing.T, victim string) {
	t.Helper()
	value := secretValue()
	strict := s.seal(t, victim, "db", map[string]string{"a": value})
	const wide = `{metadata: {annotations: {sealedsecrets.bitnami.com/cluster-wide: "true"}}}`
	for what, manifest := range map[string]sealedManifest{
		"a strict object that claims to be cluster-wide": strict.with(t, wide),
		"a strict object under another name":             strict.as(t, victim, "other"),
		"a strict object in another namespace":           strict.as(t, "attacks", "db"),
	} {
		if again, err := s.asks(t, string(manifest), "--re-encrypt"); err == nil {
			t.Errorf("%s was encrypted again: %s", what, again)
		}
	}
	claims := strict.with(t, "{spec: {template: "+wide+"}}").with(t, `{spec: {template: {data: {out: "{{ .a }}"}}}}`)
	again, err := s.asks(t, string(claims), "--re-encrypt", "--format=yaml")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(again, value) {
		t.Error("what was encrypted again holds the value: a template was rendered")
	}
	widened := string(sealedManifest(again).with(t, wide))
	if _, err := s.asks(t, widened, "--validate"); err == nil {
		t.Error("a strict object whose template claims to be cluster-wide became one")
	}
	if _, err := s.asks(t, again, "--validate"); err != nil {
		t.Errorf("what was encrypted again does not open where it did: %v", err)
	}
}
