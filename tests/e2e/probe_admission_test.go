package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	probev1 "github.com/secretgate/secretgate/shared/dialect/dialecttest/probe/v1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
)

// judged is the label of namespaces whose Probes the webhook is asked about.
const judged = "lab.secretgate.io/probes-judged"

// admit leads the Probes and stores of such namespaces, and all stores of the cluster, to the webhook until the test ends.
func (p *probeInstallation) admit(t *testing.T) {
	t.Helper()
	configuration := fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: secretgate-webhook-probes}
webhooks:
  - name: validate.probes.secretgate.io
    admissionReviewVersions: [v1]
    clientConfig: {url: "https://%s/validate", caBundle: %s}
    rules:
      - {apiGroups: [probe.secretgate.io], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [probes, probestores], scope: Namespaced}
      - {apiGroups: [probe.secretgate.io], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [clusterprobestores], scope: Cluster}
    namespaceSelector: {matchLabels: {%s: "true"}}
    failurePolicy: Fail
    sideEffects: None
    timeoutSeconds: 5
`, p.admits, base64.StdEncoding.EncodeToString(p.ca), judged)
	t.Cleanup(func() {
		_, _ = kubectl.Run(context.Background(), "delete", "validatingwebhookconfiguration", "secretgate-webhook-probes", "--ignore-not-found")
	})
	kubectl.MustApply(t, "", configuration)
}

// limits are the annotations of a team's namespace that permit what its own store and key say, and nothing else.
func (p *probeTeam) limits() map[string]string {
	return map[string]string{
		names.AnnotationPermittedKeyName:        "secret/data/" + p.namespace + "/.*",
		names.AnnotationPermittedRole:           p.namespace,
		names.AnnotationPermittedVaultServer:    regexp.QuoteMeta(p.vault.URL),
		names.AnnotationPermittedVaultMount:     "kubernetes",
		names.AnnotationPermittedVaultNamespace: "teams/core",
		names.AnnotationPermittedServiceAccount: "reader",
	}
}

// overstep is a store that one annotation forbids.
type overstep struct {
	name, says string
	change     func(*probev1.ProbeStoreSpec)
}

func oversteps() []overstep {
	return []overstep{
		{"role", `spec.role: Forbidden: "root" is not permitted`, func(s *probev1.ProbeStoreSpec) { s.Role = "root" }},
		{"server", `spec.server: Forbidden: "https://vault.example.com" is not permitted`, func(s *probev1.ProbeStoreSpec) { s.Server = "https://vault.example.com" }},
		{"mount", `spec.mount: Forbidden: "clusters/other" is not permitted`, func(s *probev1.ProbeStoreSpec) { s.Mount = "clusters/other" }},
		{"namespace", `spec.namespace: Forbidden: "teams/other" is not permitted`, func(s *probev1.ProbeStoreSpec) { s.Namespace = "teams/other" }},
		{
			"account", `spec.serviceAccountRef.name: Forbidden: "deployer" is not permitted`,
			func(s *probev1.ProbeStoreSpec) { s.ServiceAccountRef.Name = "deployer" },
		},
	}
}

// denied applies a manifest that must be refused.
func (p *probeTeam) denied(t *testing.T, name, manifest string, wants ...string) {
	t.Helper()
	said, err := kubectl.Apply(t.Context(), p.namespace, manifest)
	for _, want := range wants {
		if err == nil || !strings.Contains(said+err.Error(), in(p.namespace, want)) {
			t.Errorf("%s: kubectl prints\n%s\n%v\nwant a denial, and %q", name, said, err, in(p.namespace, want))
		}
	}
}

// asksTheWebhook waits: the API server learns of a configuration with a delay.
func (p *probeTeam) asksTheWebhook(t *testing.T) {
	t.Helper()
	harness.Eventually(t, func() error {
		_, err := kubectl.Stdin(p.probeOf("anything", "{storeRef: {name: none}, entries: [{name: a, key: sys/raw}]}")).Run(t.Context(),
			"create", "--dry-run=server", "-n", p.namespace, "-f", "-")
		if err == nil || !strings.Contains(err.Error(), "spec.entries[0].key") {
			return fmt.Errorf("the webhook is not asked: %w", err)
		}
		return nil
	})
}

// Everything that a store says is judged when it is applied, and when an object is that refers to it.
func probeAdmission(t *testing.T, p *probeInstallation) {
	team := p.newTeamIn(t, makeNamespace(t, map[string]string{judged: "true"}, nil))
	team.mayRequestTokens(t, tokenRule)
	for _, o := range oversteps() { // while nothing is limited
		spec := team.byAccount()
		o.change(&spec)
		team.apply(t, probeStore(t, o.name, spec))
	}
	for annotation, pattern := range team.limits() {
		annotate(t, team.namespace, annotation+"="+pattern)
	}
	team.asksTheWebhook(t)

	for _, o := range oversteps() {
		spec := team.byAccount()
		o.change(&spec)
		team.denied(t, "a store's "+o.name, probeStore(t, "another", spec), o.says+` in namespace "NS": annotation `)
		team.denied(t, "an object whose store was there before its limits: "+o.name, team.probe("db", o.name),
			"ProbeStore["+o.name+"]."+o.says+` in namespace "NS": annotation `)
	}
	wrong := team.byAccount()
	wrong.Server, wrong.Mount = "https://Vault.example.com", "../other"
	team.denied(t, "all that is wrong with a store", probeStore(t, "another", wrong), "spec.server: Invalid value", "spec.mount: Invalid value")

	team.apply(t, probeStore(t, "vault", team.byAccount()))
	team.denied(t, "a key", team.probeOf("db", "{storeRef: {name: vault}, entries: [{name: a, key: secret/data/others/db}]}"),
		`spec.entries[0].key: Forbidden: "secret/data/others/db" is not permitted in namespace "NS"`)
	if said := team.apply(t, team.probe("db", "vault")); strings.Contains(said, "Warning:") {
		t.Errorf("what is permitted: kubectl prints %q, want no warning", said)
	}
	secret := team.synced(t, "db")
	spec := team.byAccount()
	spec.Role = "root"
	team.denied(t, "a store that is in use", probeStore(t, "vault", spec), `spec.role: Forbidden: "root"`)
	untouched(t, secret)
	orderOfApply(t, team)
}

// An object and its store often come in one apply, and the object first.
func orderOfApply(t *testing.T, team *probeTeam) {
	t.Helper()
	team.denied(t, "a key, while the store is not there", team.probeOf("late", "{storeRef: {name: late}, entries: [{name: a, key: secret/data/others/db}]}"),
		`spec.entries[0].key: Forbidden: "secret/data/others/db" is not permitted`)
	forbidden := team.byAccount()
	forbidden.Role = "root"
	team.denied(t, "an object and its store in one apply", team.probe("late", "late")+"---\n"+probeStore(t, "late", forbidden),
		"Warning: spec.storeRef: there is no ProbeStore NS/late yet: reads through it are judged once it exists",
		`spec.role: Forbidden: "root" is not permitted in namespace "NS"`)
	team.awaits(t, "late", plan.ReasonStoreNotFound, "there is no ProbeStore NS/late yet")
	said := team.apply(t, probeStore(t, "late", team.byAccount()))
	if strings.Contains(said, "Warning:") {
		t.Errorf("a store that permits what is there: kubectl prints\n%s\nwant no warning", said)
	}
	team.synced(t, "late")
}

// What admission says of an object and its store, check says of their files.
func probeCheck(t *testing.T, p *probeInstallation) {
	team := &probeTeam{probeInstallation: p, namespace: "core"}
	folder := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := func(flags ...string) (said string, code int) {
		t.Helper()
		command := exec.CommandContext(t.Context(), filepath.Join(p.programs, "webhook"), append([]string{"check", "--namespace=core"}, append(flags, folder)...)...)
		var out bytes.Buffer
		command.Stdout, command.Stderr = &out, &out
		err := command.Run()
		if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
			t.Fatal(err)
		} else if ok {
			code = exit.ExitCode()
		}
		return out.String(), code
	}
	says := func(what string, wantCode int, said string, code int, wants ...string) {
		t.Helper()
		if code != wantCode {
			t.Errorf("%s: got exit code %d, want %d:\n%s", what, code, wantCode, said)
		}
		for _, want := range wants {
			if !strings.Contains(said, want) {
				t.Errorf("%s: got\n%s\nwant %q", what, said, want)
			}
		}
	}
	namespace, err := yaml.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "core", "annotations": team.limits()},
	})
	if err != nil {
		t.Fatal(err)
	}
	write("namespace.yaml", string(namespace))
	write("probe.yaml", team.probe("db", "vault"))
	said, code := check()
	says("a store that is not among the files", 0, said, code, "there is no ProbeStore core/vault yet among the files: name its file, too", "0 errors")
	said, code = check("--strict-refs")
	says("with --strict-refs", 1, said, code, "spec.storeRef", "there is no ProbeStore core/vault yet", "1 error")
	write("store.yaml", probeStore(t, "vault", team.byAccount()))
	said, code = check("--strict-refs")
	says("a store among the files", 0, said, code, "0 errors")
	for _, o := range oversteps() {
		spec := team.byAccount()
		o.change(&spec)
		write("store.yaml", probeStore(t, "vault", spec))
		said, code = check()
		says("a store's "+o.name, 1, said, code, "store.yaml", o.says, "1 error")
	}
}
