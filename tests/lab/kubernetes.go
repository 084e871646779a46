package lab

import (
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"

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
	serving, key, err := cert.GenerateSelfSignedCertKey("127.0.0.1", l.addresses(), []string{"localhost", "kubernetes"})
	if err != nil {
		return err
	}
	signing, err := keyutil.MakeEllipticPrivateKeyPEM()
	if err != nil {
		return err
	}
	files := map[string][]byte{
		"apiserver.crt":        serving,
		"apiserver.key":        key,
		"ca.crt":               lastCertificate(serving),
		"service-accounts.key": signing,
		"tokens.csv":           l.tokens(),
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
	return url, p.Await(ctx, startTimeout, get(http.DefaultClient, url+"/health", ""))
}

// startControllers starts kube-controller-manager where there is one.
func (l *Lab) startControllers(ctx context.Context) error {
	if l.servers.ControllerManager == "" {
		return nil
	}
	p, err := l.run(process.Command{
		Name: "kube-controller-manager", Path: l.servers.ControllerManager, Env: l.environment(),
		Args: []string{
			"--kubeconfig=" + l.Kubeconfig,
			"--leader-elect=false", "--secure-port=0", "--use-service-account-credentials",
			"--service-account-private-key-file=" + l.stateFile("service-accounts.key"),
			"--root-ca-file=" + l.stateFile("ca.crt"),
			"--controllers=" + l.controllers(),
		},
	})
	if err != nil {
		return err
	}
	return p.Await(ctx, startTimeout, func(ctx context.Context) error {
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
