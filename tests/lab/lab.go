// Package lab brings up everything that Secretgate talks to, for real where it can be real, on the loopback interface of one
// machine: etcd, the Kubernetes API server and controller manager, Vault, the emulated clouds, and the two services.
package lab

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"

	"github.com/secretgate/secretgate/tests/lab/balancer"
	"github.com/secretgate/secretgate/tests/lab/clouds"
	"github.com/secretgate/secretgate/tests/lab/clouds/authority"
	"github.com/secretgate/secretgate/tests/lab/servers"
)

// Options say what lab to start. Only Dir is required.
type Options struct {
	// Dir is the folder of the lab's state and logs. What an earlier lab left there is removed.
	Dir string
	// Root is the checkout; empty means the one that the working directory is in.
	Root string
	// Cache keeps the built servers; empty means .cache/lab in the checkout.
	Cache string
	// Progress receives a line per step; nil throws them away. A progress.Shower is shown what goes on, too.
	Progress io.Writer `json:"-"`
	// APIServerArgs are appended to the flags of kube-apiserver, such as "--feature-gates=ShardedListAndWatch=true".
	APIServerArgs []string
	// Services installs kustomize/overlays/local and starts webhook and syncer from bin/. Without it only the CRDs, the
	// namespace, the ServiceAccounts and their rights, and the policy's defaults are installed.
	Services bool
	// Webhook and Syncer add to the flags and the environment that the services are started with.
	Webhook, Syncer Extra
	// Cluster, where set, makes the lab the control plane of a cluster.
	Cluster *Cluster
	// Servers are programs of this machine, by name, that are used as they are in place of builds of the pinned versions:
	// what servers.Search finds. A kube-controller-manager is not built beside an API server that was found.
	Servers map[string]string
	// Quick has what is missing built for a look around: unoptimised, in half the time, and without kube-controller-manager.
	// Then a namespace that is deleted stays, and so does what belongs to an object that is gone.
	Quick bool
	// LateVault leaves Vault to StartVault. Until then nothing answers at VaultAddr.
	LateVault bool
}

// Lab is a running lab.
type Lab struct {
	Dir      string // state
	Root     string // checkout
	Oldest   bool   // it runs the oldest Kubernetes that is supported, instead of the newest
	Bin      string // folder of kubectl
	VaultBin string // folder of vault, once it is started

	// APIServer is the URL of kube-apiserver, Kubeconfig an admin's kubeconfig file.
	APIServer, Kubeconfig string
	// VaultAddr is where services reach Vault, through VaultBalancer; VaultToken is a root token.
	VaultAddr, VaultToken string
	VaultBalancer         *balancer.Balancer

	// Clouds are the emulated clouds, CloudsURL where they are; their admin API is below /_admin/. AWSEndpoint is all of AWS,
	// which knows the syncer by the access key.
	Clouds                                        *clouds.Server
	CloudsURL, AWSEndpoint                        string
	AWSAccessKeyID, AWSSecretAccessKey, AWSRegion string
	// CloudsCA is the PEM file of the CA that signs what the clouds serve by TLS. GCPEndpoint is the host:port of Google's Secret
	// Manager (gRPC), GoogleCredentials the key file of a service account that may read all secrets.
	CloudsCA, GCPEndpoint, GoogleCredentials string
	// CloudsProxy is the URL of the HTTPS proxy that leads Azure's host names to the clouds, and refuses all others.
	CloudsProxy string

	// Webhook and Syncer are the two services; nil without Options.Services. The API server reaches the webhook through
	// WebhookBalancer, which tests may give several replicas (NewWebhook).
	Webhook, Syncer *Service
	WebhookBalancer *balancer.Balancer
	// WebhookKubeconfig and SyncerKubeconfig act as the services' ServiceAccounts. VaultJWTPath is the file of the syncer's
	// token, which it logs into Vault with, too.
	WebhookKubeconfig, SyncerKubeconfig, VaultJWTPath string

	options      Options
	servers      servers.Set
	apiServer    apiServer
	vault        *api.Client
	vaultBackend string // host:port of Vault itself
	authority    *authority.Authority
	adminToken   string
	userTokens   map[string]string // of Options.Cluster
	policy       map[string]string

	release func() // the lock of Dir
	ports   ports

	mu       sync.Mutex
	stops    []func()
	failed   chan error
	stopping sync.Once
	stopped  chan struct{}
}

// startTimeout bounds the start of the lab, and of each of its servers and services. It is generous: a warm start takes seconds,
// on a machine that is busy with a build half a minute.
const startTimeout = 3 * time.Minute

// Start brings a lab up, of the oldest Kubernetes that is supported where LAB_KUBERNETES is "oldest" in the environment. When it
// fails, or ctx ends before it is up, everything that was started is stopped. Afterwards the lab runs until Stop; ctx does not
// matter any more.
func Start(ctx context.Context, options Options) (*Lab, error) {
	l, err := prepare(options)
	if err != nil {
		return nil, err
	}
	if err := l.bringUp(ctx); err != nil {
		l.Stop()
		return nil, err
	}
	return l, nil
}

func (l *Lab) bringUp(ctx context.Context) error {
	if err := l.checkPrograms(); err != nil {
		return err
	}
	// Building has no time limit.
	var err error
	if l.servers.ControlPlane, err = l.Builder().BuildControlPlane(ctx); err != nil {
		return err
	}
	if !l.options.LateVault {
		if l.servers.VaultSet, err = l.Builder().BuildVault(ctx); err != nil {
			return err
		}
	}
	l.Bin = filepath.Dir(l.servers.Kubectl)
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("the lab was not up after %s", startTimeout))
	defer cancel()
	return l.start(ctx)
}

func (l *Lab) start(ctx context.Context) error {
	begin := time.Now()
	if err := l.startClouds(ctx); err != nil {
		return err
	}
	var err error
	if l.VaultBalancer, err = balancer.Listen(); err != nil {
		return err
	}
	l.onStop(l.VaultBalancer.Close)
	l.VaultAddr = "http://" + l.VaultBalancer.Addr()
	group, ending := errgroup.WithContext(ctx)
	group.Go(func() error { return l.startKubernetes(ending) })
	if l.options.LateVault {
		l.say("Starting etcd and kube-apiserver")
	} else {
		l.say("Starting etcd, kube-apiserver and Vault")
		group.Go(func() error { return l.startVault(ending) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if l.options.Cluster == nil {
		l.say("Installing Secretgate")
		if err := l.install(ctx); err != nil {
			return err
		}
	}
	// Only now, since the garbage collector looks for new kinds no more than twice a minute.
	if err := l.startControllers(ctx); err != nil {
		return err
	}
	if !l.options.LateVault {
		if err := l.connectVault(ctx); err != nil {
			return err
		}
	}
	if err := l.startServices(ctx); err != nil {
		return err
	}
	l.say("The lab is up (%s)", time.Since(begin).Round(100*time.Millisecond))
	return nil
}

// StartVault builds Vault where that is missing, starts it and connects it with Kubernetes, in a lab of Options.LateVault. It
// changes what Env answers.
func (l *Lab) StartVault(ctx context.Context) error {
	var err error
	if l.servers.VaultSet, err = l.Builder().BuildVault(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("vault was not up after %s", startTimeout))
	defer cancel()
	l.say("Starting Vault")
	if err := l.startVault(ctx); err != nil {
		return err
	}
	return l.connectVault(ctx)
}

// Stop stops the services, then the servers, in the reverse order of their start, and removes the state; the logs stay. It
// may be called more than once.
func (l *Lab) Stop() {
	l.stopping.Do(func() {
		l.mu.Lock()
		close(l.stopped)
		stops := l.stops
		l.mu.Unlock()
		// The env file says that the lab can be used.
		_ = os.Remove(filepath.Join(l.Dir, "env"))
		for _, stop := range slices.Backward(stops) {
			stop()
		}
		l.ports.release()
		_ = Forget(l.Dir)
		l.release()
	})
}

// Wait blocks until a server ends by itself, and answers which, or until ctx ends.
func (l *Lab) Wait(ctx context.Context) error {
	select {
	case err := <-l.failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

// onStop runs stop in Stop, before everything that was registered earlier. Where Stop has already been called, it runs at
// once.
func (l *Lab) onStop(stop func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.stopped:
		go stop()
	default:
		l.stops = append(l.stops, stop)
	}
}

// LogFile is the file of a server's or service's log.
func (l *Lab) LogFile(name string) string { return filepath.Join(l.Dir, "log", name+".log") }

func (l *Lab) say(format string, args ...any) {
	if l.options.Progress != nil {
		_, _ = fmt.Fprintf(l.options.Progress, format+"\n", args...)
	}
}

// RESTConfig is an admin's client configuration, without a limit on its rate.
func (l *Lab) RESTConfig() *rest.Config {
	return &rest.Config{
		Host:            l.APIServer,
		BearerToken:     l.adminToken,
		TLSClientConfig: rest.TLSClientConfig{CAFile: l.stateFile("ca.crt")},
		QPS:             -1,
	}
}
