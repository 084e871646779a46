package e2e

import (
	"fmt"
	"net"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/webhook/cli/shape"
)

// elsewhere relays what it is asked to the syncer's metrics, at an address that the API server reaches as it reaches pods: it refuses
// loopback. It is skipped where the machine has no other.
func elsewhere(t *testing.T) (host, port string) {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		ip, ok := address.(*net.IPNet)
		if !ok || !ip.IP.IsGlobalUnicast() || ip.IP.To4() == nil {
			continue
		}
		listener, err := net.Listen("tcp", net.JoinHostPort(ip.IP.String(), "0")) //nolint:noctx // it listens as long as the test runs
		if err != nil {
			continue
		}
		server := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: theLab.Syncer.MetricsAddress}))
		_ = server.Listener.Close()
		server.Listener = listener
		server.Start()
		t.Cleanup(server.Close)
		host, port, err = net.SplitHostPort(listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return host, port
	}
	t.Skip("this machine has loopback alone, which the API server takes for no pod's address")
	return "", ""
}

// installedIn makes what an installation has in its namespace, but processes: the lab's run beside the cluster.
func installedIn(t *testing.T, namespace, port string) {
	t.Helper()
	kubectl.MustApply(t, namespace, fmt.Sprintf(`
apiVersion: v1
kind: ConfigMap
metadata: {name: policy}
data: {DIALECTS: kes, AWS_REGION: %s}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: syncer}
spec:
  replicas: 2
  selector: {matchLabels: {app.kubernetes.io/name: syncer}}
  template:
    metadata: {labels: {app.kubernetes.io/name: syncer}}
    spec:
      containers:
        - name: syncer
          image: registry.invalid/secretgate/syncer:dev
          args: [--refresh-interval=2s]
          envFrom: [{configMapRef: {name: policy}}]
          ports: [{name: metrics, containerPort: %s}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: webhook}
spec:
  selector: {matchLabels: {app.kubernetes.io/name: webhook}}
  template:
    metadata: {labels: {app.kubernetes.io/name: webhook}}
    spec: {containers: [{name: webhook, image: registry.invalid/secretgate/webhook:dev, env: [{name: AWS_REGION, value: us-gov-west-1}],
      ports: [{name: metrics, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: syncer-a, labels: {app.kubernetes.io/name: syncer}}
spec: {automountServiceAccountToken: false, containers: [{name: syncer, image: registry.invalid/secretgate/syncer:dev, ports: [{name: metrics, containerPort: %s}]}]}
`, theLab.AWSRegion, port, port))
}

func cliStatus(t *testing.T, namespace string) {
	host, port := elsewhere(t)
	where := newNamespace(t, nil)
	harness.Eventually(t, func() error { // the namespace's ServiceAccount comes with a delay
		_, err := kubectl.Run(t.Context(), "get", "serviceaccount", "default", "-n", where)
		return err
	})
	installedIn(t, where, port)
	kubectl.Must(t, "patch", "pod", "syncer-a", "-n", where, "--subresource=status", "--type=merge",
		"--patch="+`{"status": {"phase": "Running", "podIP": "`+host+`", "podIPs": [{"ip": "`+host+`"}]}}`)
	got := answers[shape.Installation](t, 0, "status", "--secretgate-namespace="+where)
	if len(got.Services) != 2 || len(got.Services[0].Instances) != 1 {
		t.Fatalf("got services %+v, want both, and a pod of the syncer; notes: %v", got.Services, got.Notes)
	}
	syncer := got.Services[0]
	if pod := syncer.Instances[0]; syncer.Wanted != 2 || !pod.Measured || pod.Version == "" || pod.Overdue == nil {
		t.Errorf("got %+v, want two replicas to be wanted, and what the metrics say; notes: %v", syncer, got.Notes)
	}
	if !slices.ContainsFunc(got.Webhooks, func(w shape.Webhook) bool {
		return w == shape.Webhook{
			Configuration: "ValidatingWebhookConfiguration/secretgate-webhook", Name: "validate.externalsecrets.secretgate.io", FailurePolicy: "Fail", CA: true,
		}
	}) {
		t.Errorf("got webhooks %+v", got.Webhooks)
	}
	if !slices.ContainsFunc(got.Objects, func(c shape.ObjectsCount) bool {
		return c.Namespace == namespace && c.Reason == "Suspended" && c.Count == 1
	}) {
		t.Errorf("got objects %+v, want one that is suspended", got.Objects)
	}
	shards := answers[shape.Installation](t, 0, "status")
	if !slices.ContainsFunc(shards.Replicas, func(r shape.Replica) bool {
		return strings.HasPrefix(r.Holder, "syncer") && !r.Expired && r.Members > 0
	}) {
		t.Errorf("got replicas %+v, want the lab's syncer", shards.Replicas)
	}

	// The settings of that installation are known.
	why := answers[shape.Why](t, 0, "why", namespace+"/db", "--secretgate-namespace="+where)
	want := []shape.Settings{
		{Service: "syncer", Known: true, From: []string{"Deployment syncer", "ConfigMap policy"}}, {Service: "webhook", Known: true, From: []string{"Deployment webhook"}},
	}
	if diff := cmp.Diff(want, why.Settings); diff != "" || why.NextRead.Every != "2s" || why.Served == nil || !*why.Served {
		t.Errorf("got next read %+v, served %v; settings (-want +got):\n%s", why.NextRead, why.Served, diff)
	}
	region := ""
	for _, a := range why.Sources[0].Identity {
		if a.Name == "region" {
			region = a.Value + " " + strconv.FormatBool(a.Default)
		}
	}
	if region != theLab.AWSRegion+" true" {
		t.Errorf("got region %q, want the installation's", region)
	}
	if len(why.Notes) != 1 || !strings.Contains(string(why.Notes[0]), "webhook and syncer disagree on --aws-region") {
		t.Errorf("got notes %q, want that webhook and syncer disagree", why.Notes)
	}
}

func cliFewRights(t *testing.T, namespace string) {
	user := "few-" + namespace
	kubectl.Must(t, "create", "rolebinding", user, "-n", namespace, "--clusterrole=view", "--user="+user)
	harness.Eventually(t, func() error { // roles are gathered with a delay
		_, err := kubectl.Run(t.Context(), "auth", "can-i", "list", "externalsecrets", "-n", namespace, "--as="+user)
		return err
	})
	as := []string{"-n", namespace, "--as=" + user}
	notes := func(all []shape.Note) string { return strings.ReplaceAll(fmt.Sprintf("%q", all), `\"`, `"`) }

	why := answers[shape.Why](t, 0, append(as, "why", "db")...)
	if why.Verdict != shape.Permitted || why.Settings[0].Known || !strings.Contains(why.Settings[0].Assumed, `you may not list deployments.apps in namespace "secretgate"`) {
		t.Errorf("got %q by %+v, want what is assumed to be said", why.Verdict, why.Settings)
	}
	can := answers[shape.WhoCan](t, 0, append(as, "who-can", namespace+"/db")...)
	if len(can.Namespaces) != 1 || len(can.Readers) < 2 || !strings.Contains(notes(can.Notes), "you may not list namespaces in the whole cluster") {
		t.Errorf("got %+v, want the one namespace, and that others were not looked at", can)
	}
	tree := answers[shape.Tree](t, 0, append(as, "tree", "db", "--entries")...)
	if tree.Secret.Exists != nil || len(tree.Secret.Entries) > 0 || !strings.Contains(notes(tree.Notes), `you may not get secrets "db"`) {
		t.Errorf("got %+v, want that the Secret is not known; notes: %s", tree.Secret, notes(tree.Notes))
	}
	status := answers[shape.Installation](t, 0, append(as, "status")...)
	if diff := cmp.Diff([]string{"services", "webhooks", "replicas"}, status.Unknown); diff != "" || len(status.Objects) == 0 {
		t.Errorf("got objects %+v, want those of the namespace; unknown (-want +got):\n%s", status.Objects, diff)
	}
	refresh := answers[shape.Refresh](t, 1, append(as, "refresh", "db")...)
	if r := refresh.Results[0]; r.Outcome != shape.Failed || !strings.Contains(r.Message, "ask an administrator for the role edit there") {
		t.Errorf("got %+v, want the right that is missing", r)
	}
}
