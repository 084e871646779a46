// Package keys holds the keys by which sealed values are opened. They are in Secrets of one namespace, as Sealed Secrets keeps them, and
// here in memory alone.
//
//	key.go       what a Secret must have to be a key, and which key is the newest
//	ring.go      the keys, as they come, change and go; Seal
//	open.go      Open, and whether a value can be opened
//	remember.go  what was tried, so that it is not tried again
//	watch.go     watches the Secrets
//	renew.go     makes a new key, by one replica, when it is due
package keys

import (
	"bytes"
	"cmp"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// The label that makes a Secret a key. With any other value, such as compromised, the key is retired.
const (
	Label  = "sealedsecrets.bitnami.com/sealed-secrets-key"
	Active = "active"
)

// leastBits is how many bits the RSA key must have. Shorter ones seal nothing that is accepted.
const leastBits = 2048

// Order is by what the newest key is found, by which new values are sealed.
type Order string

// The orders.
const (
	ByNotBefore Order = "CertNotBefore"           // by the certificate
	ByCreation  Order = "SecretCreationTimestamp" // by the Secret
)

// Orders lists them.
func Orders() []Order { return []Order{ByNotBefore, ByCreation} }

// Key opens what was sealed by its certificate.
type Key struct {
	Name string // of the Secret
	Cert *x509.Certificate
	At   time.Time // since when, by the Order

	private *rsa.PrivateKey
}

// String names the key, so that no message ever holds more of it.
func (k *Key) String() string { return "sealing key " + k.Name }

// GoString is String.
func (k *Key) GoString() string { return k.String() }

// Bits is the length of the RSA key.
func (k *Key) Bits() int { return k.private.N.BitLen() }

// PEM is the certificate.
func (k *Key) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: blockCert, Bytes: k.Cert.Raw})
}

// newer orders keys from the newest one. Of two that are equally new the name decides, so that all replicas agree.
func newer(a, b *Key) int {
	return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.Name, a.Name))
}

// The types of PEM blocks.
const (
	blockCert  = "CERTIFICATE"
	blockPKCS1 = "RSA PRIVATE KEY"
	blockPKCS8 = "PRIVATE KEY"
)

// parse reads the key of a Secret. An error is a sentence that holds nothing of the content: what is wrong, and what to do.
func parse(secret *corev1.Secret, order Order) (*Key, error) {
	private, err := parsePrivate(secret.Data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return nil, fmt.Errorf("%s %w", corev1.TLSPrivateKeyKey, err)
	}
	block := blockOf(secret.Data[corev1.TLSCertKey], blockCert)
	if block == nil {
		return nil, fmt.Errorf("%s has no certificate in PEM: give it that of the key", corev1.TLSCertKey)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s has no certificate of X.509 as its first: give it that of the key", corev1.TLSCertKey)
	}
	if public, is := cert.PublicKey.(*rsa.PublicKey); !is || !public.Equal(&private.PublicKey) {
		return nil, fmt.Errorf("%s is the certificate of another key, so that what is sealed by it could not be opened: give it that of %s",
			corev1.TLSCertKey, corev1.TLSPrivateKeyKey)
	}
	at := cert.NotBefore
	if order == ByCreation {
		at = secret.CreationTimestamp.Time
	}
	return &Key{Name: secret.Name, Cert: cert, At: at, private: private}, nil
}

var (
	errNoKey   = errors.New("has no private key in PEM, of PKCS #1 or PKCS #8: restore the Secret from its backup")
	errNotRSA  = errors.New("has a key that is not RSA: sealed values need an RSA key")
	errTooTiny = fmt.Errorf("has an RSA key of less than %d bits, which is not safe: use one of 4096", leastBits)
)

func parsePrivate(text []byte) (*rsa.PrivateKey, error) {
	private, err := parseBlock(text)
	switch {
	case err != nil:
		return nil, err
	case private.N.BitLen() < leastBits:
		return nil, errTooTiny
	case private.Validate() != nil:
		return nil, errNoKey
	}
	return private, nil
}

func parseBlock(text []byte) (*rsa.PrivateKey, error) {
	if block := blockOf(text, blockPKCS1); block != nil {
		private, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, errNoKey // not what err says: it may quote the key
		}
		return private, nil
	}
	block := blockOf(text, blockPKCS8)
	if block == nil {
		return nil, errNoKey
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errNoKey
	}
	private, is := parsed.(*rsa.PrivateKey)
	if !is {
		return nil, errNotRSA
	}
	return private, nil
}

// blockOf is the first block of a type.
func blockOf(text []byte, of string) *pem.Block {
	for len(bytes.TrimSpace(text)) > 0 {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return nil
		}
		if block.Type == of {
			return block
		}
	}
	return nil
}
