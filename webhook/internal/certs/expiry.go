package certs

import (
	"crypto/tls"
	"crypto/x509"

	"github.com/prometheus/client_golang/prometheus"
)

// expiry reads the certificates at scrape time, so that it never reports one that is no longer served.
type expiry struct {
	description *prometheus.Desc
	serving     func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	authorities func() []*x509.Certificate
}

func newExpiry(serving func(*tls.ClientHelloInfo) (*tls.Certificate, error), authorities func() []*x509.Certificate) *expiry {
	return &expiry{
		description: prometheus.NewDesc(
			"secretgate_webhook_certificate_expiry_timestamp_seconds",
			"When the webhook's certificates expire, in Unix time: its serving certificate, and the CA "+
				"(the earliest, if there are several).",
			[]string{"certificate"}, nil),
		serving:     serving,
		authorities: authorities,
	}
}

func (e *expiry) Describe(descriptions chan<- *prometheus.Desc) { descriptions <- e.description }

// Collect leaves out what is not there yet: a zero would read as a certificate that expired in 1970.
func (e *expiry) Collect(metrics chan<- prometheus.Metric) {
	if served, err := e.serving(nil); err == nil && served.Leaf != nil {
		e.send(metrics, "serving", served.Leaf)
	}
	var earliest *x509.Certificate
	for _, authority := range e.authorities() {
		if earliest == nil || authority.NotAfter.Before(earliest.NotAfter) {
			earliest = authority
		}
	}
	if earliest != nil {
		e.send(metrics, "ca", earliest)
	}
}

func (e *expiry) send(metrics chan<- prometheus.Metric, which string, certificate *x509.Certificate) {
	metrics <- prometheus.MustNewConstMetric(e.description, prometheus.GaugeValue, float64(certificate.NotAfter.Unix()), which)
}
