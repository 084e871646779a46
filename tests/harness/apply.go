package harness

import (
	"context"
	"testing"
)

// Apply applies a manifest as a user would, and returns what kubectl shows, warnings among it. The namespace is for objects that
// name none; it may be empty.
func (k Kubectl) Apply(ctx context.Context, namespace, manifest string, flags ...string) (said string, err error) {
	args := []string{"apply", "--filename=-"}
	if namespace != "" {
		args = append(args, "--namespace="+namespace)
	}
	return k.Stdin(manifest).Show(ctx, append(args, flags...)...)
}

// MustApply is Apply for what is not the test's subject.
func (k Kubectl) MustApply(t testing.TB, namespace, manifest string, flags ...string) (said string) {
	t.Helper()
	said, err := k.Apply(t.Context(), namespace, manifest, flags...)
	if err != nil {
		t.Fatalf("kubectl apply: %v", err)
	}
	return said
}
