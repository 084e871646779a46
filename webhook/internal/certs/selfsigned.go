package certs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	cmtls "github.com/cert-manager/cert-manager/pkg/server/tls"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// SelfSigned configures the mode of that name.
type SelfSigned struct {
	// Namespace and Secret name the Opaque Secret that holds the CA. It must exist; empty will do.
	Namespace, Secret string
	// Names are the DNS names and IP addresses of the serving certificate.
	Names []string
	// Timing may be zero.
	Timing Timing
}

// NewSelfSigned serves certificates of a CA that the replicas share in a Secret, and publishes the CA in both webhook
// configurations. Each replica makes its own leaves; their keys never leave memory.
func NewSelfSigned(d Dependencies, config SelfSigned) (*Source, error) {
	hosts, addresses, err := splitNames(config.Names)
	timing := config.Timing.withDefaults()
	if err := errors.Join(d.check(), err, timing.check()); err != nil {
		return nil, err
	}
	if config.Namespace == "" || config.Secret == "" {
		return nil, errors.New("certificates: the Secret of the CA has no namespace or no name: set --namespace and --tls-secret")
	}
	ca := &authority{
		api:           d.API,
		secret:        client.ObjectKey{Namespace: config.Namespace, Name: config.Secret},
		configuration: d.Configuration,
		addresses:     addresses,
		timing:        timing,
		log:           d.Log,
	}
	leaves := &cmtls.DynamicSource{DNSNames: hosts, Authority: ca, RetryInterval: timing.Poll}
	return &Source{
		provider: &selfSigned{DynamicSource: leaves, ca: ca},
		log:      d.Log,
		probe: &probe{
			api:           d.API,
			configuration: d.Configuration,
			address:       d.Address,
			clients:       d.Clients,
			serving:       leaves.GetCertificate,
			trouble:       ca.trouble,
			remedy:        "the webhook publishes its CA by itself within seconds; if this stays, its log says why it cannot",
		},
		Expiry: newExpiry(leaves.GetCertificate, ca.certificates),
	}, nil
}

// selfSigned waits for the first CA before it starts the DynamicSource, which would otherwise fail once and only try again
// after its retry interval.
type selfSigned struct {
	*cmtls.DynamicSource
	ca *authority
}

func (s *selfSigned) Start(ctx context.Context) error {
	for {
		if err := s.ca.reconcile(ctx); err != nil && ctx.Err() == nil {
			s.ca.log.Error(err, "The webhook's CA is not in order")
		}
		if s.ca.certificates() != nil {
			return s.DynamicSource.Start(ctx)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(firstRetry):
		}
	}
}

// firstRetry is short, as the missing manifest is likely being applied just now.
const firstRetry = 2 * time.Second

func splitNames(names []string) (hosts []string, addresses []net.IP, err error) {
	var problems []error
	for _, name := range names {
		if address := net.ParseIP(name); address != nil {
			addresses = append(addresses, address)
			continue
		}
		if wrong := validation.IsDNS1123Subdomain(strings.ToLower(name)); len(wrong) > 0 {
			problems = append(problems, fmt.Errorf("certificates: --tls-names: %q is neither an IP address nor a DNS name", name))
			continue
		}
		hosts = append(hosts, name)
	}
	if len(names) == 0 {
		problems = append(problems, errors.New("certificates: no names for the serving certificate: set --tls-names"))
	}
	return hosts, addresses, errors.Join(problems...)
}
