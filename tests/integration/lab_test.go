package integration

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/vault/api"

	"github.com/secretgate/secretgate/tests/lab"
)

// TestLab starts a lab of its own, without the services, and looks at each of its parts.
func TestLab(t *testing.T) {
	others := descendants(t, os.Getpid())
	l, err := lab.Start(t.Context(), lab.Options{Dir: t.TempDir(), Progress: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	stop := func() {
		children := descendants(t, os.Getpid())
		l.Stop()
		for pid, name := range children {
			if _, other := others[pid]; other {
				continue
			}
			if now, alive := parents(t)[pid]; alive {
				t.Errorf("%s (process %d) still runs after Stop, as a child of %d", name, pid, now.parent)
			}
		}
	}
	defer stop()

	t.Run("kubectl sees the namespace of Secretgate", func(t *testing.T) { seesNamespace(t, l) })
	t.Run("the syncer's own token opens both kinds of Vault's engine", func(t *testing.T) { logsIn(t, l) })
	t.Run("Vault refuses a ServiceAccount that its role does not name", func(t *testing.T) { isRefused(t, l) })
	t.Run("an outage of Vault comes and goes", func(t *testing.T) { suffersOutage(t, l) })
	t.Run("a ServiceAccount is no admin", func(t *testing.T) { isNoAdmin(t, l) })
	t.Run("the clouds answer", func(t *testing.T) { cloudsAnswer(t, l) })
}

func seesNamespace(t *testing.T, l *lab.Lab) {
	out, said, err := l.Kubectl(t.Context(), nil, "get", "namespaces", lab.Namespace, "--output=name")
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	if diff := cmp.Diff("namespace/secretgate\n", out); diff != "" {
		t.Errorf("kubectl printed (-want +got):\n%s", diff)
	}
}

func logsIn(t *testing.T, l *lab.Lab) {
	ctx := t.Context()
	admin := l.Vault()
	value := map[string]any{"username": "lab"}
	if _, err := admin.KVv2("secret").Put(ctx, "lab/two", value); err != nil {
		t.Fatal(err)
	}
	if err := admin.KVv1("kv1").Put(ctx, "lab/one", value); err != nil {
		t.Fatal(err)
	}
	for _, mount := range lab.VaultMounts() {
		client, err := login(ctx, l, mount, l.VaultJWTPath)
		if err != nil {
			t.Fatalf("%s: %v", mount, err)
		}
		two, err := client.KVv2("secret").Get(ctx, "lab/two")
		if err != nil {
			t.Fatal(err)
		}
		one, err := client.KVv1("kv1").Get(ctx, "lab/one")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]map[string]any{value, value}, []map[string]any{two.Data, one.Data}); diff != "" {
			t.Errorf("%s: what is read (-want +got):\n%s", mount, diff)
		}
	}
}

func isRefused(t *testing.T, l *lab.Lab) {
	_, token, err := l.ServiceAccountKubeconfig(t.Context(), lab.Namespace, "webhook")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := login(t.Context(), l, "kubernetes", token); err == nil {
		t.Error("the webhook's token logged in as the syncer")
	}
}

func suffersOutage(t *testing.T, l *lab.Lab) {
	reachable := func() bool {
		_, err := lab.Get(t.Context(), l.VaultAddr+"/v1/sys/health")
		return err == nil
	}
	got := []bool{reachable()}
	l.VaultOutage(true)
	got = append(got, reachable())
	l.VaultOutage(false)
	got = append(got, reachable())
	if diff := cmp.Diff([]bool{true, false, true}, got); diff != "" {
		t.Errorf("reachable before, in and after the outage (-want +got):\n%s", diff)
	}
}

func isNoAdmin(t *testing.T, l *lab.Lab) {
	_, said, err := l.Kubectl(t.Context(), nil, "--kubeconfig="+l.WebhookKubeconfig, "get", "secrets", "--all-namespaces")
	if err == nil || !strings.Contains(said, `User "system:serviceaccount:secretgate:webhook" cannot list resource "secrets"`) {
		t.Errorf("kubectl said %q (%v), want that the webhook's ServiceAccount cannot list secrets", said, err)
	}
}

func cloudsAnswer(t *testing.T, l *lab.Lab) {
	if _, err := lab.Get(t.Context(), l.CloudsURL+"/_admin/healthz"); err != nil {
		t.Error(err)
	}
}

// login logs into Vault where services reach it, with the token in a file.
func login(ctx context.Context, l *lab.Lab, mount, tokenFile string) (*api.Client, error) {
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		return nil, err
	}
	config := api.DefaultConfig()
	config.Address = l.VaultAddr
	client, err := api.NewClient(config)
	if err != nil {
		return nil, err
	}
	client.ClearToken()
	secret, err := client.Logical().WriteWithContext(ctx, "auth/"+mount+"/login",
		map[string]any{"role": lab.VaultRole, "jwt": string(token)})
	if err != nil {
		return nil, err
	}
	client.SetToken(secret.Auth.ClientToken)
	return client, nil
}

type running struct {
	name   string
	parent int
}

// parents lists all processes of a Linux machine that are not waiting to be collected.
func parents(t *testing.T) map[int]running {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	all := map[int]running{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has just ended
		}
		// pid (name) state parent ...
		pid, rest, _ := strings.Cut(string(text), " (")
		name, rest, _ := strings.Cut(rest, ") ")
		fields := strings.Fields(rest)
		number, _ := strconv.Atoi(pid)
		parent, _ := strconv.Atoi(fields[1])
		if fields[0] != "Z" {
			all[number] = running{name, parent}
		}
	}
	return all
}

// descendants lists the processes that a process started, and those that they did.
func descendants(t *testing.T, ancestor int) map[int]string {
	t.Helper()
	found := map[int]string{}
	all := parents(t)
	for pid, process := range all {
		for parent := process.parent; parent > 1; parent = all[parent].parent {
			if parent == ancestor {
				found[pid] = process.name
				break
			}
		}
	}
	return found
}
