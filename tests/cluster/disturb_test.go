package cluster

import (
	"fmt"
	"testing"
	"time"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// survives lets pods go in every way that they go in a cluster's life, while objects are applied.
func (i *installation) survives(t *testing.T) {
	namespace := "--namespace=" + lab.Namespace
	events := []struct {
		name string
		do   func(t *testing.T, deployment string)
	}{
		{"a rollout", func(t *testing.T, deployment string) {
			kubectl.Must(t, namespace, "rollout", "restart", "deployment/"+deployment)
		}},
		{"more replicas", func(t *testing.T, deployment string) {
			kubectl.Must(t, namespace, "scale", "deployment/"+deployment, "--replicas=4")
		}},
		{"fewer replicas", func(t *testing.T, deployment string) {
			kubectl.Must(t, namespace, "scale", "deployment/"+deployment, "--replicas=2")
		}},
		{"the loss of a pod", func(t *testing.T, deployment string) {
			kubectl.Must(t, namespace, "delete", "pod", pods(t, lab.Namespace, deployment)[0].Name, "--wait=false")
		}},
	}
	for _, event := range events {
		t.Run(event.name, func(t *testing.T) {
			underLoad(t, i.namespace, func() {
				for _, deployment := range []string{"webhook", "syncer"} {
					event.do(t, deployment)
				}
				for _, deployment := range []string{"webhook", "syncer"} {
					rolledOut(t, deployment)
					alone(t, deployment)
				}
			})
		})
	}
	t.Run("a drained node", i.drains)
}

// alone waits until the pods that were told to go are gone: that is when calls to them fail.
func alone(t *testing.T, deployment string) {
	t.Helper()
	harness.Eventually(t, func() error {
		text := kubectl.Must(t, "--namespace="+lab.Namespace, "get", "pods", "--selector=app.kubernetes.io/name="+deployment,
			`--output=jsonpath={.items[?(@.metadata.deletionTimestamp)].metadata.name}`)
		if text != "" {
			return fmt.Errorf("on their way out: %s", text)
		}
		return nil
	})
}

func (i *installation) drains(t *testing.T) {
	const drained = "node1"
	underLoad(t, i.namespace, func() {
		kubectl.Must(t, "drain", drained, "--timeout="+harness.Timeout.String(),
			"--pod-selector=app.kubernetes.io/name in (webhook, syncer)")
		defer kubectl.Must(t, "uncordon", drained)
		for _, deployment := range []string{"webhook", "syncer"} {
			rolledOut(t, deployment)
			for _, pod := range pods(t, lab.Namespace, deployment) {
				if pod.Spec.NodeName == drained {
					t.Errorf("%s is still on the drained node", pod.Name)
				}
			}
		}
	})
}

// shares scales the syncer and reads from its replicas' metrics how they share.
func (i *installation) shares(t *testing.T) {
	for _, replicas := range []int{1, 4, 2} {
		kubectl.Must(t, "--namespace="+lab.Namespace, "scale", "deployment/syncer", fmt.Sprintf("--replicas=%d", replicas))
		rolledOut(t, "syncer")
		begin := time.Now()
		harness.Eventually(t, func() error { return shared(t, replicas) })
		t.Logf("%d replicas share the objects %s after they were ready", replicas, time.Since(begin).Round(time.Second))
	}
}

// shared says what is wrong with the shares of so many replicas.
func shared(t *testing.T, replicas int) error {
	t.Helper()
	found := pods(t, lab.Namespace, "syncer")
	if len(found) != replicas {
		return fmt.Errorf("%d pods of the syncer, want %d", len(found), replicas)
	}
	total := 0.0
	for _, pod := range found {
		owned, err := metric(t.Context(), pod, "secretgate_shard_owned_ratio")
		if err != nil {
			return err
		}
		members, err := metric(t.Context(), pod, "secretgate_shard_members")
		if err != nil {
			return err
		}
		// Half and twice the fair share: slots are dealt by hash.
		if fair := 1 / float64(replicas); owned < fair/2 || owned > 2*fair || int(members) != replicas {
			return fmt.Errorf("%s sees %v members and owns %.3f", pod.Name, members, owned)
		}
		total += owned
	}
	if total < 0.999 || total > 1.001 {
		return fmt.Errorf("together the replicas own %.3f", total)
	}
	return nil
}
