package tuenti

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// tokens measures the one token by which SecretDefinitions are read, under the names of secrets-manager. It is a
// prometheus.Collector.
type tokens struct {
	MaxTokenTTL time.Duration    // before its end by which a token is renewed
	Now         func() time.Time // nil: time.Now

	mu       sync.Mutex
	server   []string // the values of vaultLabels
	known    bool     // the server said who it is
	expires  time.Time
	failures map[[2]string]uint64
}

// newTokens makes the metrics of the Vault at an address, which must hold no password, with an engine (kv1, kv2).
func newTokens(address, engine string, maxTokenTTL time.Duration) *tokens {
	return &tokens{MaxTokenTTL: maxTokenTTL, server: []string{address, engine, "", "", ""}, failures: map[[2]string]uint64{}}
}

var (
	vaultLabels = []string{"vault_address", "vault_engine", "vault_version", "vault_cluster_id", "vault_cluster_name"}

	maxTokenTTL = prometheus.NewDesc("secrets_manager_vault_max_token_ttl",
		"Seconds before it expires at which the Vault token is renewed.", vaultLabels, nil)
	tokenTTL = prometheus.NewDesc("secrets_manager_vault_token_ttl",
		"Seconds until the Vault token expires; 0 where there is none.", vaultLabels, nil)
	renewalErrors = prometheus.NewDesc("secrets_manager_vault_token_renewal_errors_total",
		"Renewals of the Vault token (renew-self) and logins (login) that failed, by kind of error.",
		append(vaultLabels, "vault_operation", "error"), nil)
)

// Identify says which Vault it is.
func (v *tokens) Identify(version, clusterID, clusterName string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.server, v.known = append(v.server[:2:2], version, clusterID, clusterName), true
}

// Identified reports whether it is known which Vault it is.
func (v *tokens) Identified() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.known
}

// Token says until when the token works; the zero time: there is none.
func (v *tokens) Token(expires time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.expires = expires
}

// Failed counts an operation that failed.
func (v *tokens) Failed(operation, kind string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.failures[[2]string{operation, kind}]++
}

// Describe implements prometheus.Collector.
func (v *tokens) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{maxTokenTTL, tokenTTL, renewalErrors} {
		ch <- desc
	}
}

// Collect implements prometheus.Collector.
func (v *tokens) Collect(ch chan<- prometheus.Metric) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now
	if v.Now != nil {
		now = v.Now
	}
	left := 0.0
	if !v.expires.IsZero() {
		left = max(0, v.expires.Sub(now()).Truncate(time.Second).Seconds())
	}
	ch <- prometheus.MustNewConstMetric(maxTokenTTL, prometheus.GaugeValue, v.MaxTokenTTL.Seconds(), v.server...)
	ch <- prometheus.MustNewConstMetric(tokenTTL, prometheus.GaugeValue, left, v.server...)
	for what, n := range v.failures {
		ch <- prometheus.MustNewConstMetric(renewalErrors, prometheus.CounterValue, float64(n), append(v.server[:5:5], what[0], what[1])...)
	}
}
