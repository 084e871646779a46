package lab

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"

	"github.com/secretgate/secretgate/tests/lab/process"
)

// startKubernetes starts etcd and kube-apiserver.
func (l *Lab) startKubernetes(ctx context.Context) error {
	if err := l.writeCredentials(); err != nil {
		return fmt.Errorf("the credentials of the control plane cannot be made: %w", err)
	}
	etcd, err := l.startEtcd(ctx)
	if err != nil {
		return err
	}
	return l.startAPIServer(ctx, etcd)
}

// writeCredentials makes the API server's certificate, the key that signs service-account tokens, and the admin's token.
func (l *Lab) writeCredentials() error {
	serving, key, err := cert.GenerateSelfSignedCertKey("127.0.0.1", []net.IP{net.IPv4(127, 0, 0, 1)}, []string{"localhost", "kubernetes"})
	if err != nil {
		return err
	}
	signing, err := keyutil.MakeEllipticPrivateKeyPEM()
	if err != nil {
		return err
	}
	l.adminToken = rand.Text()
	files := map[string][]byte{
		"apiserver.crt":        serving,
		"apiserver.key":        key,
		"ca.crt":               lastCertificate(serving),
		"service-accounts.key": signing,
		"tokens.csv":           []byte(l.adminToken + `,admin,admin,"system:masters"` + "\n"),
	}
	for name, text := range files {
		if _, err := l.writeState(name, text); err != nil {
			return err
		}
	}
	return nil
}

// lastCertificate is the CA: the generated chain begins with the leaf and ends with its issuer.
func lastCertificate(chain []byte) []byte {
	var last *pem.Block
	for block, rest := pem.Decode(chain); block != nil; block, rest = pem.Decode(rest) {
		last = block
	}
	return pem.EncodeToMemory(last)
}

func (l *Lab) startEtcd(ctx context.Context) (url string, err error) {
	port, err := l.ports.take(2)
	if err != nil {
		return "", err
	}
	url, peerURL := "http://"+loopback(port), "http://"+loopback(port+1)
	p, err := l.run(process.Command{
		Name: "etcd", Path: l.servers.Etcd, Env: l.environment(),
		Args: []string{
			"--name=lab", "--data-dir=" + l.stateFile("etcd"),
			"--listen-client-urls=" + url, "--advertise-client-urls=" + url,
			"--listen-peer-urls=" + peerURL, "--initial-advertise-peer-urls=" + peerURL, "--initial-cluster=lab=" + peerURL,
			// The lab's data need not survive a power cut.
			"--unsafe-no-fsync", "--log-level=warn",
		},
	})
	if err != nil {
		return "", err
	}
	return url, p.Await(ctx, get(http.DefaultClient, url+"/health", ""))
}

func (l *Lab) startAPIServer(ctx context.Context, etcd string) error {
	port, err := l.ports.take(1)
	if err != nil {
		return err
	}
	l.APIServer = "https://" + loopback(port)
	client, err := l.apiServerClient()
	if err != nil {
		return err
	}
	const issuer = "https://kubernetes.default.svc.cluster.local"
	p, err := l.run(process.Command{
		Name: "kube-apiserver", Path: l.servers.APIServer, Env: l.environment(),
		Args: append([]string{
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
		}, l.options.APIServerArgs...),
	})
	if err != nil {
		return err
	}
	if err := p.Await(ctx, get(client, l.APIServer+"/readyz", l.adminToken)); err != nil {
		return err
	}
	l.Kubeconfig = filepath.Join(l.Dir, "kubeconfig")
	return l.writeKubeconfig(l.Kubeconfig, &clientcmdapi.AuthInfo{Token: l.adminToken}, "default")
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

// startControllers starts the controllers that other parts rely on: namespaces end, garbage is collected, ServiceAccounts
// and the CA's ConfigMap appear, ClusterRoles aggregate. Nothing here runs pods.
func (l *Lab) startControllers(ctx context.Context) error {
	p, err := l.run(process.Command{
		Name: "kube-controller-manager", Path: l.servers.ControllerManager, Env: l.environment(),
		Args: []string{
			"--kubeconfig=" + l.Kubeconfig,
			"--leader-elect=false", "--secure-port=0", "--use-service-account-credentials",
			"--service-account-private-key-file=" + l.stateFile("service-accounts.key"),
			"--root-ca-file=" + l.stateFile("ca.crt"),
			"--controllers=namespace-controller,garbage-collector-controller,serviceaccount-controller," +
				"serviceaccount-token-controller,root-ca-certificate-publisher-controller,clusterrole-aggregation-controller",
		},
	})
	if err != nil {
		return err
	}
	return p.Await(ctx, func(ctx context.Context) error {
		_, said, err := l.Kubectl(ctx, nil, "get", "serviceaccount/default", "configmap/kube-root-ca.crt", "--namespace=default")
		if err != nil {
			return fmt.Errorf("%w: %s", err, said)
		}
		return nil
	})
}

// writeKubeconfig writes a kubeconfig for one user of the lab's API server.
func (l *Lab) writeKubeconfig(path string, user *clientcmdapi.AuthInfo, namespace string) error {
	ca, err := os.ReadFile(l.stateFile("ca.crt"))
	if err != nil {
		return err
	}
	const name = "lab"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: l.APIServer, CertificateAuthorityData: ca}
	config.AuthInfos[name] = user
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name, Namespace: namespace}
	config.CurrentContext = name
	text, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	return writePrivate(path, text)
}

// get is a check that a URL answers 200.
func get(client *http.Client, url, token string) func(context.Context) error {
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		body, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
		if response.StatusCode != http.StatusOK {
			return errors.New(response.Status + ": " + string(body))
		}
		return nil
	}
}
