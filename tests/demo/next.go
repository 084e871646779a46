package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// next says what to try after the demo, in a lab that was kept or without one.
func next(root string, kept bool) string {
	_, err := os.Stat(filepath.Join(root, "bin", "kubectl-secretgate"))
	return "\n=== What to try next\n" + strings.Join(suggestions(kept, err == nil), "\n") + "\n"
}

// suggestions are lines of it; plugin says that bin/kubectl-secretgate is there.
func suggestions(kept, plugin bool) []string {
	line := func(command, what string) string { return fmt.Sprintf("  %-66s # %s", command, what) }
	if !kept {
		return []string{
			line("DEMO_KEEP=1 make demo", "the same, and it stays up"),
			line("less tests/demo/manifests/*.yaml", "what was applied"),
			line("less kustomize/docs/install.md", "on a cluster of yours"),
		}
	}
	path := "$LAB_BIN"
	if plugin {
		path += ":$PWD/bin"
	}
	lines := []string{
		line("set -a; . .lab/env; set +a; PATH="+path+":$PATH", "the lab's kubectl, and its addresses"),
		line("kubectl get externalsecrets.kubernetes-client.io -A", "who is in step"),
		line("kubectl edit externalsecrets.kubernetes-client.io hello-service", "ask for a key that AWS has not"),
		line("kubectl delete secret hello-service", "it comes back"),
		line("kubectl apply -f tests/demo/manifests/core-service.yaml", "it is rejected; permit it, and try again:"),
		line("kubectl annotate namespace core-namespace --overwrite "+
			"externalsecrets.kubernetes-client.io/permitted-key-name='.*' iam.amazonaws.com/permitted='.*'", "the policy"),
	}
	if plugin {
		lines = append(lines, line("kubectl secretgate why default/hello-service", "its plan, identity, policy and last read"))
	}
	return append(lines, line("make lab-down", "stops it all"))
}
