package lab

import (
	"context"
	"net/http"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/secretgate/secretgate/tests/lab/process"
)

// Extra is what a test adds to how a service is started; it wins over what the lab itself says.
type Extra struct {
	Args []string
	Env  []string // NAME=value
}

// Service is one replica of webhook or syncer: a process that acts as its ServiceAccount, with the environment that its
// Deployment would give it and nothing of the caller's.
type Service struct {
	Name string // of the log file, too
	// Extra may be changed while the service is stopped.
	Extra
	// MetricsAddress and HealthAddress are host:port. Address is where a webhook serves admission; empty for a syncer.
	MetricsAddress, HealthAddress, Address string

	lab     *Lab
	program string
	args    []string
	env     []string

	mu      sync.Mutex
	process *process.Process
}

// startServices starts one replica of each.
func (l *Lab) startServices(ctx context.Context) error {
	if !l.options.Services {
		return nil
	}
	l.say("Starting webhook and syncer")
	var err error
	if l.Webhook, err = l.NewWebhook("webhook", l.options.Webhook); err != nil {
		return err
	}
	if l.Syncer, err = l.NewSyncer("syncer", l.options.Syncer); err != nil {
		return err
	}
	services, ctx := errgroup.WithContext(ctx)
	services.Go(func() error { return l.Webhook.Start(ctx) })
	services.Go(func() error { return l.Syncer.Start(ctx) })
	return services.Wait()
}

// NewWebhook describes a further replica of the webhook; Start starts it and adds it to WebhookBalancer.
func (l *Lab) NewWebhook(name string, extra Extra) (*Service, error) {
	port, err := l.ports.take(1)
	if err != nil {
		return nil, err
	}
	s, err := l.newService(name, "webhook", extra)
	if err != nil {
		return nil, err
	}
	s.Address = loopback(port)
	s.args = append([]string{
		"serve", "--kubeconfig=" + l.WebhookKubeconfig, "--port=" + strconv.Itoa(port),
		"--tls=self-signed", "--tls-secret=webhook-tls", "--tls-names=127.0.0.1", "--namespace=" + Namespace,
		"--webhook-configuration=secretgate-webhook",
	}, s.args...)
	return s, nil
}

// NewSyncer describes a further replica of the syncer; Start starts it.
func (l *Lab) NewSyncer(name string, extra Extra) (*Service, error) {
	s, err := l.newService(name, "syncer", extra)
	if err != nil {
		return nil, err
	}
	s.args = append([]string{
		"--kubeconfig=" + l.SyncerKubeconfig, "--dialects=kes", // others need a login of their own, which tests add
		"--refresh-interval=10s", "--gcp-endpoint=" + l.GCPEndpoint, "--gcp-sts-endpoint=" + l.GCPEndpoint,
		"--gcp-iam-endpoint=" + l.GCPEndpoint,
		"--replica-name=" + name, // one that was killed goes on with its Lease
	}, s.args...)
	s.env = append(s.env,
		"VAULT_ADDR="+l.VaultAddr,
		"VAULT_JWT_PATH="+l.VaultJWTPath,
		"NODE_EXTRA_CA_CERTS="+l.CloudsCA,
		"GOOGLE_APPLICATION_CREDENTIALS="+l.GoogleCredentials,
		"AWS_SM_ENDPOINT="+l.AWSEndpoint,
		"AWS_SSM_ENDPOINT="+l.AWSEndpoint,
		"AWS_STS_ENDPOINT="+l.AWSEndpoint,
		"AWS_ACCESS_KEY_ID="+l.AWSAccessKeyID,
		"AWS_SECRET_ACCESS_KEY="+l.AWSSecretAccessKey,
	)
	s.env = append(s.env, l.alicloudEnv()...)
	s.env = append(s.env, l.azureEnv()...)
	return s, nil
}

// NewRestarter describes a replica of what restarts workloads, whose component must be installed; Start starts it.
func (l *Lab) NewRestarter(ctx context.Context, name string, extra Extra) (*Service, error) {
	kubeconfig, _, err := l.ServiceAccountKubeconfig(ctx, Namespace, "restarter")
	if err != nil {
		return nil, err
	}
	s, err := l.newService(name, "syncer", extra)
	if err != nil {
		return nil, err
	}
	s.args = append([]string{"restart", "--kubeconfig=" + kubeconfig, "--lease-namespace=" + Namespace}, s.args...)
	return s, nil
}

func (l *Lab) newService(name, program string, extra Extra) (*Service, error) {
	port, err := l.ports.take(2)
	if err != nil {
		return nil, err
	}
	// Both services know the default region: it is among what policy judges.
	env := []string{"AWS_REGION=" + l.AWSRegion}
	for key, value := range l.policy {
		env = append(env, key+"="+value)
	}
	s := &Service{
		Name: name, Extra: extra, MetricsAddress: loopback(port), HealthAddress: loopback(port + 1),
		lab: l, program: l.program(program), env: env,
	}
	s.args = []string{"--metrics-bind-address=" + s.MetricsAddress, "--health-probe-bind-address=" + s.HealthAddress}
	l.onStop(s.Stop)
	return s, nil
}

// Start starts the service and waits until it is ready, which it must be within startTimeout. One that runs is left alone.
func (s *Service) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running() {
		return nil
	}
	p, err := process.Start(process.Command{
		Name: s.Name, Path: s.program, Log: s.LogFile(),
		Args: append(append([]string{}, s.args...), s.Args...),
		Env:  s.lab.environment(append(append([]string{}, s.env...), s.Env...)...),
	})
	if err != nil {
		return err
	}
	if err := p.Await(ctx, startTimeout, get(http.DefaultClient, "http://"+s.HealthAddress+"/readyz", "")); err != nil {
		p.Stop()
		return err
	}
	s.process = p
	if s.Address != "" {
		s.lab.WebhookBalancer.Add(s.Address)
	}
	return nil
}

// Stop ends the service as Kubernetes ends a pod: no new connections, then SIGTERM.
func (s *Service) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return
	}
	if s.Address != "" {
		s.lab.WebhookBalancer.Remove(s.Address)
	}
	s.process.Stop()
	s.process = nil
}

// Kill ends the service as a crash does: it is told nothing, and is still among the balancer's backends.
func (s *Service) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return
	}
	s.process.Kill()
	s.process = nil
}

func (s *Service) running() bool {
	if s.process == nil {
		return false
	}
	select {
	case <-s.process.Done():
		return false
	default:
		return true
	}
}

// PID is the service's process id; 0 while it does not run.
func (s *Service) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running() {
		return 0
	}
	return s.process.PID()
}

// LogFile is the file that the service logs to; a restarted one goes on in it.
func (s *Service) LogFile() string { return s.lab.LogFile(s.Name) }
