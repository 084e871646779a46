package e2e

import (
	"path"
	"testing"

	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/shared/plan"
)

// heals has four things go wrong, one after the other, in a namespace each. The Secret stays as it was meanwhile, and follows Vault again
// once what the status says is done.
func (s vsoSite) heals(t *testing.T) {
	for _, trouble := range []struct {
		name, namespace string
		begin, end      func(t *testing.T, namespace string)
		reason          plan.Reason
		says            string
	}{
		{
			"a deleted version", "deleted",
			func(t *testing.T, ns string) {
				t.Helper()
				if _, err := s.lab.Vault().Logical().DeleteWithContext(t.Context(), path.Join(vsoEngine, "data", ns, "db")); err != nil {
					t.Fatal(err)
				}
			},
			func(t *testing.T, ns string) {
				t.Helper()
				s.write(t, path.Join(vsoEngine, "undelete", ns, "db"), map[string]any{"versions": []int{1}})
			},
			plan.ReasonSecretNotFound, "the current version is deleted or destroyed; undelete it, or write a new one",
		},
		{
			"a revoked role", "revoked",
			func(t *testing.T, ns string) {
				t.Helper()
				if _, err := s.lab.Vault().Logical().DeleteWithContext(t.Context(), path.Join("auth", vsoMount, "role", ns)); err != nil {
					t.Fatal(err)
				}
				s.endSessions(t)
			},
			func(t *testing.T, ns string) { t.Helper(); s.role(t, ns, "vault-sa", ns, ns) },
			plan.ReasonAccessDenied, "create the role, or let it accept ServiceAccount revoked/vault-sa",
		},
		{
			"a missing ServiceAccount", "missing",
			func(t *testing.T, ns string) {
				t.Helper()
				s.kubectl.Must(t, "delete", "serviceaccount", "vault-sa", "-n", ns)
				s.endSessions(t)
			},
			func(t *testing.T, ns string) {
				t.Helper()
				s.kubectl.Must(t, "create", "serviceaccount", "vault-sa", "-n", ns)
			},
			plan.ReasonUnauthenticated, "ServiceAccount missing/vault-sa does not exist; create it",
		},
		{
			"a sealed Vault", "sealed",
			func(t *testing.T, _ string) {
				t.Helper()
				if err := s.lab.Vault().Sys().SealWithContext(t.Context()); err != nil {
					t.Fatal(err)
				}
			},
			func(t *testing.T, _ string) { t.Helper(); s.unseal(t) },
			plan.ReasonUnavailable, "unseal Vault: it is tried again",
		},
	} {
		t.Run(trouble.name, func(t *testing.T) {
			first, second := secretValue(), secretValue()
			ns := s.namespace(t, trouble.namespace)
			s.putVault(t, ns+"/db", map[string]any{"password": first})
			s.kubectl.MustApply(t, ns, s.static("db", ns+"/db", makes("db", withoutRaw)))
			before := s.holds(t, ns, "db", map[string]string{"password": first})
			trouble.begin(t, ns)
			s.says(t, ns, "db", trouble.reason, trouble.says)
			kept, err := s.has(t, ns, "db", map[string]string{"password": first})
			if err != nil || kept.ResourceVersion != before.ResourceVersion {
				t.Errorf("got resourceVersion %s (%v), want the Secret as it was, %s", kept.ResourceVersion, err, before.ResourceVersion)
			}
			trouble.end(t, ns)
			s.says(t, ns, "db", v1beta1.ReasonSynced, "Secret synced")
			s.putVault(t, ns+"/db", map[string]any{"password": second})
			s.holds(t, ns, "db", map[string]string{"password": second})
			s.kubectl.Must(t, "delete", "vaultstaticsecrets", "db", "-n", ns)
		})
	}
}
