package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// rightsPolicy has the API server log every request of the services, and of External Secrets Operator, without its content.
const rightsPolicy = `{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [
	{"level": "Metadata", "users": ["system:serviceaccount:secretgate:webhook", "system:serviceaccount:secretgate:syncer",
		"system:serviceaccount:secretgate:restarter",
		"system:serviceaccount:external-secrets:external-secrets"]},
	{"level": "None"}]}`

// unseen are rights that are granted although the session of TestInstallRights does without, each with its reason.
func unseen() map[string]map[string]string {
	// The syncer of this session serves none; those of secretdefinition_*_test.go fail without.
	const definitions = "of the component dialects/tuenti"
	return map[string]map[string]string{
		"webhook": {},
		"syncer": {
			"patch events.events.k8s.io":                               "a report is made again only where the API server failed between event and status",
			"list secretdefinitions.secrets-manager.tuenti.io":         definitions,
			"watch secretdefinitions.secrets-manager.tuenti.io":        definitions,
			"patch secretdefinitions.secrets-manager.tuenti.io":        definitions,
			"patch secretdefinitions.secrets-manager.tuenti.io/status": definitions,
		},
		"restarter": {"patch events": "a replica that lost its Lease and has it again counts up the report that it works"},
	}
}

// TestInstallRights runs the services through a session that uses all they can do, as their ServiceAccounts, and compares what
// the API server was asked for with what the manifests grant: nothing is refused, so a verb less fails here, and every verb
// that is granted is used.
func TestInstallRights(t *testing.T) {
	// Older API servers do not stream lists through watches: without that, the right to list is used, too.
	env := []string{"KUBE_FEATURE_WatchListClient=false"}
	s, log := newAuditedSite(t, lab.Options{Services: true, Webhook: lab.Extra{Env: env}, Syncer: lab.Extra{
		Env: env, Args: []string{"--refresh-interval=2s", "--min-refresh-interval=1s"},
	}})
	s.useEverything(t)
	s.installRestarts(t)
	s.restartEverything(t, env)
	for _, service := range []string{"webhook", "syncer", "restarter"} {
		t.Run(service, func(t *testing.T) {
			granted := s.granted(t, service)
			used, refused := log.requests(t, service, granted)
			if len(refused) > 0 {
				t.Errorf("the API server refused %q", refused)
			}
			var unused []string
			for right := range granted {
				if !used[right] {
					unused = append(unused, right)
				}
			}
			var named []string
			for right := range unseen()[service] {
				named = append(named, right)
			}
			slices.Sort(unused)
			slices.Sort(named)
			if diff := cmp.Diff(named, unused, cmp.Transformer("set", func(s []string) string { return strings.Join(s, "\n") })); diff != "" {
				t.Errorf("rights that are granted and not used (-named with a reason +found):\n%s", diff)
			}
		})
	}
}

// auditLogFile is a log of the API server.
type auditLogFile string

func newAuditedSite(t *testing.T, options lab.Options) (*site, auditLogFile) {
	t.Helper()
	dir := t.TempDir()
	policy, log := filepath.Join(dir, "policy.json"), filepath.Join(dir, "audit.log")
	if err := os.WriteFile(policy, []byte(rightsPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	options.APIServerArgs = []string{"--audit-policy-file=" + policy, "--audit-log-path=" + log, "--audit-log-mode=blocking"}
	return newSite(t, options), auditLogFile(log)
}

// granted are the rights of a service's ServiceAccount, each as "verb resource.group/subresource", with ":name" where it
// holds for one object alone.
func (s *site) granted(t *testing.T, service string) map[string]bool {
	t.Helper()
	var bindings rbacv1.ClusterRoleBindingList // both kinds of binding have the same fields
	s.decode(t, &bindings, "clusterrolebindings,rolebindings", "--all-namespaces")
	granted := map[string]bool{}
	for _, b := range bindings.Items {
		if !slices.ContainsFunc(b.Subjects, func(to rbacv1.Subject) bool {
			return to.Kind == "ServiceAccount" && to.Namespace == lab.Namespace && to.Name == service
		}) {
			continue
		}
		var role rbacv1.ClusterRole
		args := []string{strings.ToLower(b.RoleRef.Kind), b.RoleRef.Name}
		if b.Namespace != "" {
			args = append(args, "-n", b.Namespace)
		}
		s.decode(t, &role, args...)
		for _, rule := range role.Rules {
			for _, right := range expand(rule) {
				granted[right] = true
			}
		}
	}
	return granted
}

func expand(rule rbacv1.PolicyRule) (rights []string) {
	names := rule.ResourceNames
	if len(names) == 0 {
		names = []string{""}
	}
	for _, group := range rule.APIGroups {
		for _, resource := range rule.Resources {
			resource, subresource, _ := strings.Cut(resource, "/")
			for _, verb := range rule.Verbs {
				for _, name := range names {
					rights = append(rights, right(verb, group, resource, subresource, name))
				}
			}
		}
	}
	return rights
}

func right(verb, group, resource, subresource, name string) string {
	text := verb + " " + resource
	if group != "" {
		text += "." + group
	}
	if subresource != "" {
		text += "/" + subresource
	}
	if name != "" {
		text += ":" + name
	}
	return text
}

func (s *site) decode(t *testing.T, into any, args ...string) {
	t.Helper()
	if err := s.kubectl.Read(t.Context(), into, args...); err != nil {
		t.Fatal(err)
	}
}

// requests are the rights that a service has used so far, and those that it was refused.
func (l auditLogFile) requests(t *testing.T, service string, granted map[string]bool) (used map[string]bool, refused []string) {
	t.Helper()
	file, err := os.Open(string(l))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	used = map[string]bool{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event struct {
			Verb      string
			User      struct{ Username string }
			ObjectRef *struct{ APIGroup, Resource, Subresource, Name string }

			ResponseStatus struct{ Code int }
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			t.Fatal(fmt.Errorf("the audit log: %w", err))
		}
		about := event.ObjectRef
		if event.User.Username != "system:serviceaccount:"+lab.Namespace+":"+service || about == nil {
			continue
		}
		asked := right(event.Verb, about.APIGroup, about.Resource, about.Subresource, "")
		if byName := asked + ":" + about.Name; granted[byName] {
			asked = byName
		}
		used[asked] = true
		if event.ResponseStatus.Code == 403 && !slices.Contains(refused, asked) {
			refused = append(refused, asked)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return used, refused
}

// granted is what a service or a role of users may do, or not.
type granted struct {
	who, verb, what, namespace string
	want                       bool
}

// grants installs the rights of an overlay of some namespaces alone, without what runs, and compares what they let services and users do.
func (s *site) grants(t *testing.T, overlay map[string]string, permissions []granted) {
	t.Helper()
	overlay["kustomization.yaml"], _, _ = strings.Cut(overlay["kustomization.yaml"], "patches:") // of the Deployment
	overlay["kustomization.yaml"] += "  - KUSTOMIZE/components/without-workloads\n  - KUSTOMIZE/components/without-admission\n"
	s.kubectl.MustApply(t, "", s.build(t, s.compose(t, overlay)))
	// The lab had installed the rights on the whole cluster.
	s.kubectl.Must(t, "delete", "clusterrolebinding/secretgate-syncer-objects", "clusterrole/secretgate-syncer-objects")
	for _, role := range []string{"view", "edit"} {
		s.kubectl.Must(t, "create", "clusterrolebinding", role, "--clusterrole="+role, "--user="+role)
	}
	for _, c := range permissions {
		harness.Eventually(t, func() error { // the roles of users are gathered with a delay
			if got := s.may(t, c.who, c.verb, c.what, c.namespace); got != c.want {
				return fmt.Errorf("may %s %s %s in namespace %q? got %t, want %t", c.who, c.verb, c.what, c.namespace, got, c.want)
			}
			return nil
		})
	}
}
