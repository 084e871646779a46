package certs

import (
	"crypto/x509"
	"fmt"
	"maps"
	"time"

	cmapi "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"github.com/cert-manager/cert-manager/pkg/util/pki"
)

// Keys of the Secret's data. Other keys are left as they are.
const (
	keySigner        = "ca" // ca.crt, ca.key
	keyNext          = "next-ca"
	keyNextSeen      = "next-ca.published-since"
	keyPrevious      = "previous-ca.crt"
	keyPreviousUntil = "previous-ca.published-until"
)

// damage is what a Secret held beside its readable state. Its texts are our own: a parser's might quote what it could not
// parse, and that may be key material.
type damage struct {
	problems []string
	// salvaged are CA certificates whose keys are unusable. They sign nothing, but replicas may serve leaves of them.
	salvaged []*x509.Certificate
}

func (d *damage) add(format string, args ...any) {
	d.problems = append(d.problems, fmt.Sprintf(format, args...))
}

// decode reads the state; what it cannot read is damage, and absent from the state.
func decode(data map[string][]byte) (state, damage) {
	var s state
	var d damage
	s.signer = d.signer(data, keySigner)
	s.next = d.signer(data, keyNext)
	if s.next != nil {
		s.nextSeen = d.time(data, keyNextSeen)
	}
	if content := data[keyPrevious]; len(content) > 0 {
		previous, err := pki.DecodeX509CertificateSetBytes(content)
		if err != nil {
			d.add("%s holds no certificates in PEM", keyPrevious)
		}
		s.previous = previous
		// An unreadable date drops the old CA at once. The replicas have long had new leaves by then, save for the seconds
		// after a rotation, and a CA that an operator wants gone must not stay.
		s.until = d.time(data, keyPreviousUntil)
	}
	return s, d
}

func (d *damage) signer(data map[string][]byte, name string) *signer {
	certificate, key := data[name+".crt"], data[name+".key"]
	if len(certificate) == 0 && len(key) == 0 {
		return nil
	}
	found, err := pki.DecodeX509CertificateSetBytes(certificate)
	if err != nil || len(found) != 1 {
		d.add("%s.crt does not hold one certificate in PEM", name)
		return nil
	}
	cert := found[0]
	if !cert.IsCA || cert.CheckSignatureFrom(cert) != nil {
		d.add("%s.crt is not a self-signed CA certificate", name)
		return nil
	}
	private, err := pki.DecodePrivateKeyBytes(key)
	if err != nil {
		d.add("%s.key does not hold a private key in PEM", name)
		d.salvaged = append(d.salvaged, cert)
		return nil
	}
	if match, err := pki.PublicKeyMatchesCertificate(private.Public(), cert); err != nil || !match {
		d.add("%s.key is not the key of %s.crt", name, name)
		d.salvaged = append(d.salvaged, cert)
		return nil
	}
	return &signer{cert: cert, key: private}
}

func (d *damage) time(data map[string][]byte, name string) time.Time {
	if len(data[name]) == 0 {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, string(data[name]))
	if err != nil {
		d.add("%s is not a time in RFC 3339", name)
		return time.Time{}
	}
	return at
}

// encode returns the data with the state written into it, and the keys of what is no longer there removed.
func encode(data map[string][]byte, s state) (map[string][]byte, error) {
	out := make(map[string][]byte, len(data)+4)
	maps.Copy(out, data)
	for name, ca := range map[string]*signer{keySigner: s.signer, keyNext: s.next} {
		delete(out, name+".crt")
		delete(out, name+".key")
		if ca == nil {
			continue
		}
		key, err := pki.EncodePrivateKey(ca.key, cmapi.PKCS8)
		if err != nil {
			return nil, fmt.Errorf("encode the key of %s: %w", name, err)
		}
		out[name+".crt"], out[name+".key"] = encodeCertificates([]*x509.Certificate{ca.cert}), key
	}
	delete(out, keyPrevious)
	if len(s.previous) > 0 {
		out[keyPrevious] = encodeCertificates(s.previous)
	}
	for name, at := range map[string]time.Time{keyNextSeen: s.nextSeen, keyPreviousUntil: s.until} {
		delete(out, name)
		if !at.IsZero() {
			out[name] = []byte(at.UTC().Format(time.RFC3339))
		}
	}
	return out, nil
}
