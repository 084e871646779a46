// Package config is the webhook's configuration by flags and environment.
package config

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/settings"
)

// The ways to come by a serving certificate.
const (
	TLSSelfSigned  = "self-signed"
	TLSCertManager = "cert-manager"
	TLSFiles       = "files"
)

// Config is the webhook's whole configuration. Dialects must hold all dialects that can be chosen.
type Config struct {
	Port                   int
	Namespace              string
	WebhookConfiguration   string
	TLS                    string
	CertDir                string
	TLSSecret              string
	TLSNames               []string
	ClientCA               string
	ClientNames            []string
	Kubeconfig             string
	MetricsBindAddress     string
	HealthProbeBindAddress string
	Pprof                  settings.Pprof
	Policy                 settings.Policy
	Dialects               dialect.Choice
	Handler                slog.Handler

	log         settings.Log
	tlsNames    string
	clientNames string
}

// Bind names the settings, in the groups that --help shows. lookup finds environment variables.
func (c *Config) Bind(lookup func(string) (string, bool)) []*settings.Section {
	server := settings.NewSection("server", lookup)
	server.Int(&c.Port, "port", 9443, "port that serves admission requests")
	server.String(&c.Namespace, "namespace", "secretgate", "namespace that the webhook runs in", "POD_NAMESPACE")
	server.String(&c.WebhookConfiguration, "webhook-configuration", "secretgate-webhook",
		"name of both the mutating and the validating webhook configuration")
	server.String(&c.Kubeconfig, "kubeconfig", "",
		"kubeconfig file of the cluster (default: KUBECONFIG or ~/.kube/config, else the pod's service account)")

	certificates := settings.NewSection("certificate", lookup)
	certificates.String(&c.TLS, "tls", TLSSelfSigned,
		"source of the certificate: self-signed (by a CA that the webhook makes, rotates and publishes), cert-manager or files")
	certificates.String(&c.CertDir, "cert-dir", "/certificates",
		"folder of tls.crt and tls.key, and ca.crt if there is one; for cert-manager and files")
	certificates.String(&c.TLSSecret, "tls-secret", "webhook-tls",
		"Opaque Secret for the webhook's CA, in its namespace; it must exist; for self-signed")
	certificates.String(&c.tlsNames, "tls-names", "",
		"DNS names and IP addresses of the certificate, comma-separated (default webhook.<namespace>.svc and its longer form); for self-signed")
	certificates.String(&c.ClientCA, "client-ca", "",
		"file with the CA (PEM) that must have issued callers' certificates; empty: any client that reaches the port may call")
	certificates.String(&c.clientNames, "client-names", "",
		"common names or DNS names, comma-separated: a caller's certificate must have one of them (default any name); for --client-ca")

	dialects := settings.NewSection("dialects", lookup)
	each := c.Dialects.Bind(dialects, lookup)

	policy := settings.NewSection("policy", lookup)
	c.Policy.Bind(policy)

	observation := settings.NewSection("observation", lookup)
	observation.String(&c.MetricsBindAddress, "metrics-bind-address", ":8080", "address of /metrics; 0 turns it off")
	observation.String(&c.HealthProbeBindAddress, "health-probe-bind-address", ":8081", "address of /healthz and /readyz; 0 turns them off")
	c.Pprof.Bind(observation)
	c.log.Bind(observation)
	return slices.Concat([]*settings.Section{server, certificates, dialects, policy}, each, []*settings.Section{observation})
}

// Finish checks the settings once flags are parsed. The error lists all that is wrong.
func (c *Config) Finish(sections []*settings.Section) error {
	handler, err := c.log.Handler(os.Stderr)
	c.Handler = handler
	policy := c.Policy.Finish()
	problems := []error{
		err, policy, c.Dialects.Finish(c.Policy), c.server(), c.certificate(), c.clients(),
		settings.CheckAddress("metrics-bind-address", c.MetricsBindAddress),
		settings.CheckAddress("health-probe-bind-address", c.HealthProbeBindAddress),
		c.Pprof.Check(map[string]string{
			"metrics-bind-address": c.MetricsBindAddress, "health-probe-bind-address": c.HealthProbeBindAddress,
			"port": fmt.Sprintf(":%d", c.Port),
		}),
	}
	c.MetricsBindAddress = cmp.Or(c.MetricsBindAddress, "0") // nothing is controller-runtime's word for its own default, :8080
	for _, section := range sections {
		problems = append(problems, section.Err())
	}
	return errors.Join(problems...)
}

func (c *Config) server() error {
	var problems []error
	if c.Port < 1 || c.Port > 65535 {
		problems = append(problems, fmt.Errorf("--port is %d: must be 1 to 65535", c.Port))
	}
	if wrong := validation.IsDNS1123Label(c.Namespace); len(wrong) > 0 {
		problems = append(problems, fmt.Errorf("--namespace is %q: must be the name of a namespace", c.Namespace))
	}
	if c.WebhookConfiguration == "" {
		problems = append(problems, errors.New("--webhook-configuration is empty: must name the webhook configurations"))
	}
	problems = append(problems, settings.CheckFile("kubeconfig", c.Kubeconfig))
	return errors.Join(problems...)
}

func (c *Config) certificate() error {
	switch c.TLS {
	case TLSSelfSigned:
		if c.TLSSecret == "" {
			return errors.New("--tls-secret is empty: --tls=self-signed needs a Secret for its CA")
		}
	case TLSCertManager, TLSFiles:
		if c.CertDir == "" {
			return fmt.Errorf("--cert-dir is empty: --tls=%s needs the folder of tls.crt and tls.key", c.TLS)
		}
	default:
		return fmt.Errorf("--tls is %q: must be self-signed, cert-manager or files", c.TLS)
	}
	c.TLSNames = []string{"webhook." + c.Namespace + ".svc", "webhook." + c.Namespace + ".svc.cluster.local"}
	if c.tlsNames == "" {
		return nil
	}
	c.TLSNames = nil
	var problems []error
	for name := range strings.SplitSeq(c.tlsNames, ",") {
		name = strings.TrimSpace(name)
		if net.ParseIP(name) == nil && len(validation.IsDNS1123Subdomain(strings.ToLower(name))) > 0 {
			problems = append(problems, fmt.Errorf("--tls-names has %q: must be DNS names and IP addresses", name))
		}
		c.TLSNames = append(c.TLSNames, name)
	}
	return errors.Join(problems...)
}

func (c *Config) clients() error {
	for name := range strings.SplitSeq(c.clientNames, ",") {
		if name = strings.TrimSpace(name); name != "" {
			c.ClientNames = append(c.ClientNames, name)
		}
	}
	switch {
	case c.ClientCA == "" && len(c.ClientNames) > 0:
		return errors.New("--client-names needs --client-ca, which signs what has these names")
	case c.ClientCA == "":
		return nil
	}
	authorities, err := os.ReadFile(c.ClientCA)
	if err != nil {
		return fmt.Errorf("--client-ca: %w", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(authorities) {
		return fmt.Errorf("--client-ca: %s holds no certificate in PEM", c.ClientCA)
	}
	return nil
}
