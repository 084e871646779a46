package peer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"time"
)

const (
	// life is that of a certificate. After two thirds of it another one takes its place.
	life = time.Hour
	// clockSkew is how far the clocks of the two services may differ.
	clockSkew = 5 * time.Minute
	// most bounds how many certificates a ConfigMap holds, of processes that live and that do not any more: it has a mebibyte.
	most = 500

	suffix     = ".pem"
	blockType  = "CERTIFICATE"
	serialBits = 128
)

// issue makes a key, and a certificate that it signs itself.
func issue(name string, now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), serialBits))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-clockSkew), NotAfter: now.Add(life), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

// due reports whether another certificate is to take the place of one.
func due(leaf *x509.Certificate, now time.Time) bool {
	return !now.Before(leaf.NotAfter.Add(-life / 3))
}

// valid reports whether a certificate may be trusted now. One that lives for longer than ours do was not published by a process of ours:
// what a client that could write the ConfigMap once put there does not stay.
func valid(certificate *x509.Certificate, now time.Time) bool {
	return !now.Before(certificate.NotBefore) && now.Before(certificate.NotAfter) && !certificate.NotAfter.After(now.Add(life+clockSkew))
}

// with is what a ConfigMap holds once it has a certificate, too. What is not valid or cannot be read goes, and so do the oldest of
// too many.
func with(data map[string]string, own *x509.Certificate, now time.Time) (updated map[string]string, changed bool) {
	kept := map[string]*x509.Certificate{keyOf(own): own}
	for _, certificate := range certificatesOf(data) {
		if valid(certificate, now) {
			kept[keyOf(certificate)] = certificate
		}
	}
	newest := slices.SortedFunc(maps.Values(kept), func(a, b *x509.Certificate) int { return b.NotAfter.Compare(a.NotAfter) })
	updated = map[string]string{}
	for _, certificate := range newest[:min(len(newest), most)] {
		updated[keyOf(certificate)] = string(pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: certificate.Raw}))
	}
	return updated, !maps.Equal(updated, data)
}

// certificatesOf are those that a ConfigMap holds.
func certificatesOf(data map[string]string) []*x509.Certificate {
	var all []*x509.Certificate
	for _, key := range slices.Sorted(maps.Keys(data)) {
		block, _ := pem.Decode([]byte(data[key]))
		if block == nil || block.Type != blockType {
			continue
		}
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			all = append(all, certificate)
		}
	}
	return all
}

// keyOf is the key of a certificate in a ConfigMap.
func keyOf(certificate *x509.Certificate) string {
	sum := sha256.Sum256(certificate.Raw)
	return hex.EncodeToString(sum[:16]) + suffix
}
