package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
)

// TestProbes proves, by a dialect of tests alone, what a dialect with stores can rely on: both services, the lab's Vault, and the API
// server's tokens are real. Whatever goes wrong with a store, the Secrets read through it stay as they are.
func TestProbes(t *testing.T) {
	t.Parallel()
	p := installProbes(t)
	arrivesLate(t, p)
	sharesReads(t, p) // while there are no others whose reads would count
	p.admit(t)
	for name, story := range map[string]func(*testing.T, *probeInstallation){
		"a store that comes after its object":          storeComesLater,
		"a login by AppRole that is rotated":           rotatesAppRole,
		"a login by AppRole whose Secret is not right": brokenLogin,
		"a login as a ServiceAccount":                  logsInAsServiceAccount,
		"a server that is not listed":                  strangersServer,
		"a store that changes":                         storeChanges,
		"two stores of one object":                     twoStores,
		"a store that stays broken":                    noRetryStorm,
		"admission":                                    probeAdmission,
		"admission of stores of the cluster":           probeClusterStores,
		"admission of roles by annotation":             probeRolesByAnnotation,
		"check":                                        probeCheck,
		"the command line":                             probeCommandLine,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(t, p)
		})
	}
	t.Cleanup(func() {
		if n := p.own.times(""); n > 0 {
			t.Errorf("the installation's own Vault was asked %d times, want never: all stores name another", n)
		}
		if found := leaks(p.syncer.metrics); len(found) > 0 {
			t.Errorf("planted values are in %v", found)
		}
	})
}

// What one dialect lacks is said once, the others are served meanwhile, and the dialect is when it lacks nothing more. Where that is a
// right, the syncer is not ready, so that a rollout stops.
func arrivesLate(t *testing.T, p *probeInstallation) {
	namespace := newNamespace(t, nil)
	othersAreServed := func() {
		t.Helper()
		value := secretValue()
		putAWS(t, namespace+"/db", value)
		kubectl.MustApply(t, namespace, p.syncer.object("db", "{backendType: secretsManager, data: [{key: "+namespace+"/db, name: password}]}"))
		awaitData(t, namespace, "db", map[string]string{"password": value})
	}
	says := func(text string) {
		t.Helper()
		harness.Eventually(t, func() error {
			if logged(t, p.syncer.id, text) == 0 {
				return fmt.Errorf("the syncer does not say %q", text)
			}
			return nil
		})
		othersAreServed()
	}
	const (
		noCRD   = "the cluster knows no Probe, so that none is served: apply probe.secretgate.io_probes.yaml of crds/, or leave probe out of --dialects"
		noRight = "the syncer may not list objects of kind Probe, so that none is served: " +
			"let its ServiceAccount list and watch probes.probe.secretgate.io, or leave probe out of --dialects"
	)
	says(noCRD)
	installCRDs(t)
	says(noRight)
	if err := p.syncer.ready(t); err == nil {
		t.Error("without a right that it needs, the syncer is ready, want it not to be")
	}
	kubectl.MustApply(t, "", probeRights)

	team := p.newTeam(t)
	team.keep(t, "id", team.appRole.secretID)
	team.apply(t, probeStore(t, "vault", team.byAppRole()), team.probe("db", "vault"))
	team.synced(t, "db")
	for _, text := range []string{noCRD, noRight} {
		if n := logged(t, p.syncer.id, text); n != 1 {
			t.Errorf("the syncer says %d times, want once: %s", n, text)
		}
	}
	if err := p.syncer.ready(t); err != nil {
		t.Error(err)
	}
}

// Stores that do not differ are one to whatever is read: they share a session and the reads.
func sharesReads(t *testing.T, p *probeInstallation) {
	team := p.newTeam(t)
	team.keep(t, "id", team.appRole.secretID)
	for _, name := range []string{"a", "b"} {
		team.apply(t, probeStore(t, name, team.byAppRole()), team.refreshed(name, name))
		team.synced(t, name)
	}
	const avoided = "secretgate_backend_reads_avoided_total"
	before := harness.MustScrape(t, p.syncer.metrics).MustSum(t, avoided, `reason="shared"`)
	reads, more := p.vault.times("secret/data/"+team.namespace), 3
	harness.Eventually(t, func() error {
		if n := p.vault.times("secret/data/" + team.namespace); n < reads+more {
			return fmt.Errorf("got %d reads, want %d", n-reads, more)
		}
		return nil
	})
	after := harness.MustScrape(t, p.syncer.metrics).MustSum(t, avoided, `reason="shared"`)
	if got := int(after - before); got < more-1 { // the last one may be under way
		t.Errorf("of %d refreshes of two objects, %d reads were avoided, want one of each", more, got)
	}
	if n := p.vault.times("auth/" + team.namespace + "/login"); n != 1 {
		t.Errorf("got %d logins, want 1", n)
	}
	team.put(t)
	team.synced(t, "a")
	team.synced(t, "b")
	team.remove(t, "probe/a", "probe/b")
}

// What an object waits for heals it at once: nothing is tried again meanwhile that could do so.
func storeComesLater(t *testing.T, p *probeInstallation) {
	team := p.newTeam(t)
	team.keep(t, "id", team.appRole.secretID)
	team.apply(t, team.probe("db", "vault"))
	failed := team.awaits(t, "db", plan.ReasonStoreNotFound, `spec.storeRef: Not found: "vault": there is no ProbeStore NS/vault yet`)
	if n := p.vault.times(team.namespace); n > 0 {
		t.Errorf("Vault was asked %d times, want never", n)
	}
	if getSecret(t, team.namespace, "db") != nil {
		t.Error("there is a Secret, want none")
	}

	team.apply(t, probeStore(t, "other", team.byAppRole()))
	team.apply(t, probeStore(t, "vault", team.byAppRole()))
	secret := team.synced(t, "db")
	if n := p.vault.times("secret/data/" + team.namespace); n != 1 {
		t.Errorf("Vault was asked for the value %d times, want once", n)
	}

	team.remove(t, "probestore/vault")
	gone := team.awaits(t, "db", plan.ReasonStoreNotFound, failed.Status.Conditions[0].Message)
	untouched(t, secret)
	if diff := cmp.Diff(secret.ResourceVersion, gone.Status.SecretResourceVersion); diff != "" {
		t.Errorf("the Secret's version in the status (-want +got):\n%s", diff)
	}
	team.put(t)
	team.apply(t, probeStore(t, "vault", team.byAppRole()))
	team.synced(t, "db")
}

// The syncer watches no Secrets but its own. It goes on with what the Secret of the login holds when Vault refuses what it held.
func rotatesAppRole(t *testing.T, p *probeInstallation) {
	team := p.newTeam(t)
	team.keep(t, "id", team.appRole.secretID+"\n") // as people write it
	team.apply(t, probeStore(t, "vault", team.byAppRole()), team.refreshed("db", "vault"))
	team.synced(t, "db")
	before := team.awaits(t, "db", plan.ReasonSynced, "").Status.Conditions
	pid := p.syncer.PID()

	team.rotate(t)
	team.put(t)
	team.synced(t, "db")
	after := team.awaits(t, "db", plan.ReasonSynced, "").Status.Conditions
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the rotation is to be seen in the conditions (-before +after):\n%s", diff)
	}
	if n := p.vault.times("auth/" + team.namespace + "/login"); n != 2 {
		t.Errorf("got %d logins, want 2: one with each secret id", n)
	}
	if p.syncer.PID() != pid {
		t.Error("the syncer is another process, want the same")
	}
}

// What is wrong with the Secret of a login is said, and it is healed when that is right, as soon as the value is to be read again.
func brokenLogin(t *testing.T, p *probeInstallation) {
	team := p.newTeam(t)
	team.keep(t, "id", team.appRole.secretID)
	team.apply(t, probeStore(t, "vault", team.byAppRole()), team.refreshed("db", "vault"))
	secret := team.synced(t, "db")

	team.remove(t, "secret/login")
	team.revoke(t)
	logins := p.vault.times("auth/" + team.namespace + "/login")
	for _, step := range []struct{ key, secretID, says string }{
		{"", "", "Secret NS/login does not exist; create it, or correct its name in the store"},
		{"another", team.appRole.secretID, "Secret NS/login has no key id; add it, or correct its name in the store"},
		{"id", " ", "the key id of Secret NS/login has an empty value; write the credential there"},
	} {
		if step.key != "" {
			team.keep(t, step.key, step.secretID)
		}
		team.awaits(t, "db", plan.ReasonUnauthenticated, step.says)
		untouched(t, secret)
	}
	if n := p.vault.times("auth/" + team.namespace + "/login"); n != logins {
		t.Errorf("without a credential, got %d logins, want none", n-logins)
	}
	team.put(t)
	team.keep(t, "id", team.appRole.secretID)
	team.synced(t, "db")
}

// The syncer proves who reads by a token of the team's ServiceAccount. What it lacks for that it says, word for word.
func logsInAsServiceAccount(t *testing.T, p *probeInstallation) {
	team := p.newTeam(t)
	team.apply(t, probeStore(t, "vault", team.byAccount()), team.refreshed("db", "vault"))
	failed := team.awaits(t, "db", plan.ReasonUnauthenticated, "the syncer may not request a token of ServiceAccount NS/reader; "+
		"bind to the syncer's ServiceAccount, in namespace NS, a Role with the rule "+tokenRule)
	rule := regexp.MustCompile(`\{apiGroups: .*?verbs: .*?\}`).FindString(failed.Status.Conditions[0].Message)
	team.mayRequestTokens(t, rule)
	secret := team.synced(t, "db")

	spec := team.byAccount()
	spec.ServiceAccountRef.Audience = "others"
	team.apply(t, probeStore(t, "vault", spec))
	team.awaits(t, "db", plan.ReasonUnauthenticated, "check that Vault's auth method is at this mount and accepts tokens of ServiceAccount NS/reader")
	spec.ServiceAccountRef.Audience = "https://kubernetes.default.svc"
	team.apply(t, probeStore(t, "vault", spec))
	team.awaits(t, "db", plan.ReasonInvalidRequest, "would let the backend act in the cluster as the ServiceAccount")
	untouched(t, secret)
	team.put(t)
	team.apply(t, probeStore(t, "vault", team.byAccount()))
	team.synced(t, "db")
}

// No credential leaves for a server that the installation has not listed.
func strangersServer(t *testing.T, p *probeInstallation) {
	team := p.newTeam(t)
	team.mayRequestTokens(t, tokenRule)
	address, asked := stranger(t)
	spec := team.byAccount()
	spec.Server = address
	team.apply(t, probeStore(t, "vault", spec), team.refreshed("db", "vault"))
	team.awaits(t, "db", plan.ReasonPolicyDenied, address+"\" is not among the servers of Vault that this installation permits: "+
		"name one of --vault-servers (VAULT_SERVERS)")
	team.apply(t, probeStore(t, "vault", team.byAccount()))
	secret := team.synced(t, "db")

	team.apply(t, probeStore(t, "vault", spec))
	team.awaits(t, "db", plan.ReasonPolicyDenied, address)
	untouched(t, secret)
	if n := asked.Load(); n > 0 {
		t.Errorf("the server was asked %d times, want never", n)
	}
}

// A store that changes is a change of all objects that refer to it. They are not read again by themselves.
func storeChanges(t *testing.T, p *probeInstallation) {
	team := p.newTeam(t)
	team.mayRequestTokens(t, tokenRule)
	team.apply(t, probeStore(t, "vault", team.byAccount()), team.probe("a", "vault"), team.probe("b", "vault"))
	a, b := team.synced(t, "a"), team.synced(t, "b")
	whole := func() {
		t.Helper()
		untouched(t, a)
		untouched(t, b)
	}
	wrong := team.byAccount()
	wrong.Role = team.namespace + "-nowhere"
	team.apply(t, probeStore(t, "vault", wrong))
	for _, name := range []string{"a", "b"} {
		team.awaits(t, name, plan.ReasonAccessDenied, `invalid role name "NS-nowhere"`)
	}
	whole()
	team.apply(t, probeStore(t, "vault", team.byAccount()))
	for _, name := range []string{"a", "b"} {
		team.awaits(t, name, plan.ReasonSynced, "")
	}
	whole()

	malformed := team.byAccount()
	malformed.Mount, malformed.ServiceAccountRef = "/kubernetes/", nil
	team.apply(t, probeStore(t, "vault", malformed))
	for _, name := range []string{"a", "b"} {
		team.awaits(t, name, plan.ReasonInvalidSpec, "ProbeStore[vault].spec.mount: ")
		team.awaits(t, name, plan.ReasonInvalidSpec, "ProbeStore[vault].spec.serviceAccountRef: Required value: method kubernetes needs a ServiceAccount, and no Secret")
	}
	whole()
	team.remove(t, "probestore/vault")
	for _, name := range []string{"a", "b"} {
		team.awaits(t, name, plan.ReasonStoreNotFound, "there is no ProbeStore NS/vault yet")
	}
	whole()

	other := p.newTeam(t)
	team.apply(t, team.probeOf("a", "{storeRef: {name: vault, namespace: "+other.namespace+"}, entries: [{name: password, key: secret/data/NS/db}]}"))
	team.awaits(t, "a", plan.ReasonInvalidSpec, "spec.storeRef.namespace: Forbidden: must be NS, the object's own namespace, or absent")
	whole()
}

// Each entry is read as its own store says: neither may read what the other one does.
func twoStores(t *testing.T, p *probeInstallation) {
	team := p.newTeam(t)
	team.keep(t, "id", team.appRole.secretID)
	team.mayRequestTokens(t, tokenRule)
	vault, elsewhere := theLab.Vault(), secretValue()
	putVault(t, team.namespace+"-elsewhere", map[string]any{"token": elsewhere})
	policy := in(team.namespace, `path "secret/data/NS-elsewhere" { capabilities = ["read"] }`)
	if err := vault.Sys().PutPolicyWithContext(t.Context(), team.namespace+"-elsewhere", policy); err != nil {
		t.Fatal(err)
	}
	_, err := vault.Logical().WriteWithContext(t.Context(), "auth/kubernetes/role/"+team.namespace, map[string]any{
		"bound_service_account_names": "reader", "bound_service_account_namespaces": team.namespace, "audience": "probes",
		"token_policies": team.namespace + "-elsewhere", "token_ttl": "1h",
	})
	if err != nil {
		t.Fatal(err)
	}
	team.apply(t, probeStore(t, "approle", team.byAppRole()), probeStore(t, "account", team.byAccount()), team.probeOf("both", `{storeRef: {name: approle}, entries: [
		{name: password, key: secret/data/NS/db, property: password}, {name: token, key: secret/data/NS-elsewhere, property: token, storeRef: {name: account}}]}`))
	want := func() map[string]string { return map[string]string{"password": team.value, "token": elsewhere} }
	secret := awaitData(t, team.namespace, "both", want())
	team.awaits(t, "both", plan.ReasonSynced, "")

	team.remove(t, "probestore/account")
	team.awaits(t, "both", plan.ReasonStoreNotFound, `spec.entries[1].storeRef: Not found: "account"`)
	swapped := team.byAppRole() // who may not read what this entry is after
	team.apply(t, probeStore(t, "account", swapped))
	team.awaits(t, "both", plan.ReasonAccessDenied, "spec.entries[1]: ")
	untouched(t, secret)
	team.put(t)
	team.apply(t, probeStore(t, "account", team.byAccount()))
	awaitData(t, team.namespace, "both", want())
	team.awaits(t, "both", plan.ReasonSynced, "")
}

// Three objects with ten entries each read through a store whose secret id Vault does not know. It is tried twice, and not until Vault
// locks the AppRole: the right one is of use at once.
func noRetryStorm(t *testing.T, p *probeInstallation) {
	const objects, entries = 3, 10
	team := p.newTeam(t)
	team.keep(t, "id", "no-such-secret-id")
	team.apply(t, probeStore(t, "vault", team.byAppRole()))
	name := func(n int) string { return fmt.Sprintf("probe-%d", n) }
	want := make([]map[string]string, objects)
	for n := range objects {
		want[n] = map[string]string{}
		var all []string
		for i := range entries {
			entry, value := fmt.Sprintf("entry-%d", i), secretValue()
			want[n][entry] = value
			putVault(t, fmt.Sprintf("%s/%d/%d", team.namespace, n, i), map[string]any{"a": value})
			all = append(all, fmt.Sprintf("{name: %s, key: secret/data/NS/%d/%d, property: a}", entry, n, i))
		}
		team.apply(t, team.probeOf(name(n), "{storeRef: {name: vault}, entries: ["+strings.Join(all, ", ")+"]}"))
	}
	for n := range objects {
		team.awaits(t, name(n), plan.ReasonUnauthenticated, "invalid role or secret ID; check the credential in Secret NS/login, and that the backend accepts it")
	}
	logins := func() int { return p.vault.times("auth/" + team.namespace + "/login") }
	harness.Eventually(t, func() error {
		if n := logins(); n < 2 {
			return fmt.Errorf("got %d logins, want 2", n)
		}
		return nil
	})
	if n := p.vault.times("secret/data/" + team.namespace); n > 0 {
		t.Errorf("got %d reads without a login, want none", n)
	}
	team.keep(t, "id", team.appRole.secretID)
	for n := range objects {
		awaitData(t, team.namespace, name(n), want[n])
	}
	if n := logins(); n != 3 {
		t.Errorf("got %d logins, want 3: two by the wrong secret id, and one by the right one", n)
	}
}
