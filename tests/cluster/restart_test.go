package cluster

import (
	"context"
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// web is a Deployment whose pods read a Secret once, when they start, and answer with what they read.
const web = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: %s
  annotations: {secretgate.io/restart: "true"}
spec:
  replicas: 2
  selector: {matchLabels: {app.kubernetes.io/name: web}}
  template:
    metadata: {labels: {app.kubernetes.io/name: web}}
    spec:
      terminationGracePeriodSeconds: 1
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: web
          image: secretgate.test/reader:lab
          ports: [{containerPort: 8080}]
          envFrom: [{secretRef: {name: app}}]
          readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
          securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
`

// restarts has a value of Vault reach the environment of running pods, by one rollout.
func (i *installation) restarts(t *testing.T) {
	const second = "second" // as a step before leaves it
	kubectl.MustApply(t, "", fmt.Sprintf(web, i.namespace))
	kubectl.Must(t, "--namespace="+i.namespace, "rollout", "status", "deployment/web", "--timeout="+harness.Timeout.String())
	i.started(t, second)
	rolledOut(t, "restarter")
	defer i.plant(t, "app", second) // which other steps expect
	defer kubectl.Must(t, "--namespace="+i.namespace, "delete", "deployment", "web")
	i.plant(t, "app", "third")
	i.started(t, "third")
	var sets appsv1.ReplicaSetList
	if err := kubectl.Read(t.Context(), &sets, "replicasets", "--namespace="+i.namespace, "--selector=app.kubernetes.io/name=web"); err != nil {
		t.Fatal(err)
	}
	if len(sets.Items) != 2 {
		t.Errorf("got %d ReplicaSets, want the first one and that of one restart", len(sets.Items))
	}
	var events corev1.EventList
	if err := kubectl.Read(t.Context(), &events, "events", "--namespace="+i.namespace, "--field-selector=involvedObject.name=web,reason=Restarted"); err != nil {
		t.Fatal(err)
	}
	if len(events.Items) != 1 {
		t.Errorf("got %d events Restarted of the Deployment, want one", len(events.Items))
	}
}

// started waits until all pods of web have started with a value.
func (i *installation) started(t *testing.T, value string) {
	t.Helper()
	harness.Eventually(t, func() error {
		found := pods(t, i.namespace, "web")
		if len(found) != 2 {
			return fmt.Errorf("got %d pods, want 2", len(found))
		}
		for _, pod := range found {
			ctx, cancel := context.WithTimeout(t.Context(), answerLimit)
			got, err := lab.Get(ctx, "http://"+address(pod, 8080)+"/environment/value")
			cancel()
			if err != nil {
				return err
			}
			if got != value {
				return fmt.Errorf("the environment of %s does not hold the %s value", pod.Name, value)
			}
		}
		return nil
	})
}
