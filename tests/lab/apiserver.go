package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/secretgate/secretgate/tests/lab/process"
)

// apiServer is kube-apiserver, which may end and be started again.
type apiServer struct {
	command process.Command
	mu      sync.Mutex
	process *process.Process
}

func (l *Lab) startAPIServer(ctx context.Context, etcd string) error {
	port, err := l.ports.take(1)
	if err != nil {
		return err
	}
	l.APIServer = "https://" + loopback(port)
	l.apiServer.command = process.Command{
		Name: "kube-apiserver", Path: l.servers.APIServer, Env: l.environment(), Args: l.apiServerArgs(etcd, port),
	}
	l.onStop(l.apiServer.stop)
	if err := l.launchAPIServer(ctx); err != nil {
		return err
	}
	l.Kubeconfig = filepath.Join(l.Dir, "kubeconfig")
	return l.writeKubeconfig(l.Kubeconfig, &clientcmdapi.AuthInfo{Token: l.adminToken}, "default")
}

func (l *Lab) apiServerArgs(etcd string, port int) []string {
	const issuer = "https://kubernetes.default.svc.cluster.local"
	return append([]string{
		"--etcd-servers=" + etcd,
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", port),
		"--tls-cert-file=" + l.stateFile("apiserver.crt"), "--tls-private-key-file=" + l.stateFile("apiserver.key"),
		"--token-auth-file=" + l.stateFile("tokens.csv"),
		"--authorization-mode=RBAC",
		"--service-account-issuer=" + issuer,
		"--service-account-signing-key-file=" + l.stateFile("service-accounts.key"),
		"--service-account-key-file=" + l.stateFile("service-accounts.key"),
		"--service-cluster-ip-range=10.0.0.0/24",
		// No cluster network leads here, and a Service may not name a loopback address.
		"--endpoint-reconciler-type=none",
		// Benchmarks look for the limits of the services, not for the server's.
		"--max-requests-inflight=3000", "--max-mutating-requests-inflight=1500",
	}, l.options.APIServerArgs...)
}

// launchAPIServer starts the process and waits until it is ready.
func (l *Lab) launchAPIServer(ctx context.Context) error {
	client, err := l.apiServerClient()
	if err != nil {
		return err
	}
	p, err := l.launch(l.apiServer.command)
	if err != nil {
		return err
	}
	l.apiServer.mu.Lock()
	l.apiServer.process = p
	l.apiServer.mu.Unlock()
	return p.Await(ctx, startTimeout, get(client, l.APIServer+"/readyz", l.adminToken))
}

// RestartAPIServer kills kube-apiserver, as a crash does, and starts it again at the same address. For the seconds that this
// takes, nothing answers there.
func (l *Lab) RestartAPIServer(ctx context.Context) error {
	l.apiServer.mu.Lock()
	running := l.apiServer.process
	l.apiServer.mu.Unlock()
	running.Kill()
	return l.launchAPIServer(ctx)
}

func (a *apiServer) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.process != nil {
		a.process.Stop()
	}
}

func (l *Lab) apiServerClient() (*http.Client, error) {
	ca, err := os.ReadFile(l.stateFile("ca.crt"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}, nil
}
