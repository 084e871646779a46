package lab

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Kubectl runs the lab's kubectl as an admin; a "--kubeconfig=F" among args makes it another user. The error is kubectl's
// exit; what it said is in stderr.
func (l *Lab) Kubectl(ctx context.Context, stdin io.Reader, args ...string) (stdout, stderr string, err error) {
	var out, said bytes.Buffer
	cmd := exec.CommandContext(ctx, l.servers.Kubectl, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &out, &said
	// KUBERC: no preferences of the user who runs the lab.
	cmd.Env = l.environment("KUBECONFIG="+l.Kubeconfig, "KUBERC=off")
	cmd.WaitDelay = time.Second
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("kubectl %s: %w", strings.Join(args[:min(2, len(args))], " "), err)
	}
	return out.String(), said.String(), err
}

// KubectlProgram is the path of the lab's kubectl, for programs that call it themselves.
func (l *Lab) KubectlProgram() string { return l.servers.Kubectl }

// kubectl is Kubectl for steps that must work.
func (l *Lab) kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	out, said, err := l.Kubectl(ctx, strings.NewReader(stdin), args...)
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, strings.TrimSpace(said))
	}
	return out, nil
}

// tokenLife is longer than any lab.
const tokenLife = 365 * 24 * time.Hour

// ServiceAccountToken asks the API server for a token of a ServiceAccount.
func (l *Lab) ServiceAccountToken(ctx context.Context, namespace, name string) (string, error) {
	token, err := l.kubectl(ctx, "", "create", "token", name, "--namespace="+namespace, "--duration="+tokenLife.String())
	return strings.TrimSpace(token), err
}

// ServiceAccountKubeconfig writes a kubeconfig that acts as a ServiceAccount, with a token in a file of its own, which
// tokenPath names.
func (l *Lab) ServiceAccountKubeconfig(ctx context.Context, namespace, name string) (kubeconfigPath, tokenPath string, err error) {
	token, err := l.ServiceAccountToken(ctx, namespace, name)
	if err != nil {
		return "", "", err
	}
	account := "serviceaccount-" + namespace + "-" + name
	tokenPath, err = l.writeState(account+".token", []byte(token))
	if err != nil {
		return "", "", err
	}
	kubeconfigPath = filepath.Join(l.Dir, "state", account+".kubeconfig")
	return kubeconfigPath, tokenPath, l.writeKubeconfig(kubeconfigPath, &clientcmdapi.AuthInfo{TokenFile: tokenPath}, namespace)
}
