package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/wait"
)

// patience bounds every wait. It is no expectation: a loaded machine may need it.
const patience = 3 * time.Minute

// kubectl runs kubectl as the cluster's admin.
func kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	stdout, stderr, err := theCluster.Kubectl(ctx, strings.NewReader(stdin), args...)
	if err != nil {
		return stdout, errors.New(strings.TrimSpace(stderr))
	}
	return stdout, nil
}

// must is kubectl for what has to work.
func must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := kubectl(t.Context(), "", args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v", strings.Join(args, " "), err)
	}
	return out
}

func mustApply(t *testing.T, manifest string) {
	t.Helper()
	if _, err := kubectl(t.Context(), manifest, "apply", "--filename=-"); err != nil {
		t.Fatalf("kubectl apply: %v", err)
	}
}

// eventually repeats a check until it answers nil.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	wait.Until(t, patience, check)
}

// rolledOut waits until a Deployment runs what it should, and nothing else.
func rolledOut(t *testing.T, deployment string) {
	t.Helper()
	must(t, "--namespace="+lab.Namespace, "rollout", "status", "deployment/"+deployment, "--timeout="+patience.String())
}

// pods are those of a Deployment that are not on their way out.
func pods(t *testing.T, namespace, name string) []corev1.Pod {
	t.Helper()
	var list corev1.PodList
	text := must(t, "--namespace="+namespace, "get", "pods", "--selector=app.kubernetes.io/name="+name, "--output=json")
	if err := json.Unmarshal([]byte(text), &list); err != nil {
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

// get reads a page of a pod.
func get(ctx context.Context, pod corev1.Pod, port int, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return lab.Get(ctx, "http://"+net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(port))+path)
}

// metric is the value of a series without labels; an error where there is none.
func metric(ctx context.Context, pod corev1.Pod, name string) (float64, error) {
	text, err := get(ctx, pod, 3001, "/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("%s has no metric %s", pod.Name, name)
}

// tail shows the end of each log, for whoever looks at a failure in CI, where the logs are gone.
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
