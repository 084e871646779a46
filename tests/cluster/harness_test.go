package cluster

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// rolledOut waits until a Deployment runs what it should, and nothing else.
func rolledOut(t *testing.T, deployment string) {
	t.Helper()
	kubectl.Must(t, "--namespace="+lab.Namespace, "rollout", "status", "deployment/"+deployment, "--timeout="+harness.Timeout.String())
}

// pods are those of a Deployment that are not on their way out.
func pods(t *testing.T, namespace, name string) []corev1.Pod {
	t.Helper()
	var list corev1.PodList
	if err := kubectl.Read(t.Context(), &list, "pods", "--namespace="+namespace, "--selector=app.kubernetes.io/name="+name); err != nil {
		t.Fatal(err)
	}
	var living []corev1.Pod
	for _, pod := range list.Items {
		if pod.DeletionTimestamp == nil {
			living = append(living, pod)
		}
	}
	return living
}

// address is where a pod listens.
func address(pod corev1.Pod, port int) string {
	return net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(port))
}

// answerLimit is how long a pod may take to answer: packets to one that has just gone are lost.
const answerLimit = 5 * time.Second

// metric is the value of a series; an error where there is none.
func metric(ctx context.Context, pod corev1.Pod, name string) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	value, found, err := harness.Metric(ctx, address(pod, 3001), name)
	if err == nil && !found {
		err = fmt.Errorf("%s has no metric %s", pod.Name, name)
	}
	return value, err
}

// tail shows the end of each log, for the reader of a failure in CI, where the logs are gone.
func tail(dir string) {
	const most = 2000
	files, _ := filepath.Glob(filepath.Join(dir, "log", "*.log"))
	pods, _ := filepath.Glob(filepath.Join(dir, "node*", "pod-logs", "secretgate_*", "*", "*.log"))
	for _, file := range append(files, pods...) {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		fmt.Fprintf(os.Stderr, "--- %s\n%s\n", file, text[max(0, len(text)-most):])
	}
}
