package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/tests/harness"
)

// TestInstallUserRoles: the cluster's own roles hold for ExternalSecrets, and none of them for their status.
func TestInstallUserRoles(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, nil)
	may := map[string][]string{
		"view":  {"get", "list", "watch"},
		"edit":  {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"},
		"admin": {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"},
	}
	for _, role := range slices.Sorted(maps.Keys(may)) {
		user := role + "-of-" + namespace
		kubectl.Must(t, "create", "rolebinding", user, "-n", namespace, "--clusterrole="+role, "--user="+user)
		ask := func(verb, subresource string) string {
			// kubectl fails where the answer is no.
			answer, _ := kubectl.Run(t.Context(), "auth", "can-i", verb, "externalsecrets", "--subresource="+subresource, "-n", namespace, "--as="+user)
			return strings.TrimSpace(answer)
		}
		for _, verb := range may["edit"] {
			want := "no"
			if slices.Contains(may[role], verb) {
				want = "yes"
			}
			harness.Eventually(t, func() error { // roles are gathered with a delay
				if got := ask(verb, ""); got != want {
					return fmt.Errorf("may %s %s ExternalSecrets? %s, not %s", role, verb, got, want)
				}
				return nil
			})
		}
		for _, verb := range []string{"update", "patch"} {
			if got := ask(verb, "status"); got != "no" {
				t.Errorf("may %s %s the status of ExternalSecrets? %s", role, verb, got)
			}
		}
	}
}
