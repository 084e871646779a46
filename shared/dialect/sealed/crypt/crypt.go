// Package crypt seals values and opens them as Sealed Secrets does, byte for byte: AES-256-GCM with a key of its own for each value, which
// RSA-OAEP with SHA-256 wraps. A sealed value is
//
//	the length n of the wrapped key, 2 bytes, big-endian ‖ n bytes, the wrapped key ‖ what AES-GCM makes of the value, with its tag
//
// The label of RSA-OAEP says for what objects it was sealed. Nothing says by which key, nor under which name of an entry.
package crypt

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

const (
	lengthBytes = 2
	keyBytes    = 32 // of AES-256
	nonceBytes  = 12 // of GCM
	tagBytes    = 16
)

// The errors of Open.
var (
	// ErrMalformed is of what is no sealed value, whatever the key.
	ErrMalformed = errors.New("is no sealed value, or is cut off")
	// ErrKey is of a value that the key does not open: it was sealed by another key, or for other objects, or was changed since.
	ErrKey = errors.New("cannot be opened by this key")
)

// Seal seals a value for what a label stands for. With GODEBUG=fips140=only it fails: Go seals by no nonce that it did not choose.
func Seal(key *rsa.PublicKey, value []byte, label string) ([]byte, error) {
	session := make([]byte, keyBytes)
	_, _ = rand.Read(session) // it never fails
	wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, key, session, []byte(label))
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(session)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	sealed := make([]byte, 0, lengthBytes+len(wrapped)+len(value)+tagBytes)
	sealed = binary.BigEndian.AppendUint16(sealed, uint16(len(wrapped))) //nolint:gosec // RSA keys are shorter
	sealed = append(sealed, wrapped...)
	nonce := make([]byte, nonceBytes) // zero, since each session key is used once
	return aead.Seal(sealed, nonce, value, nil), nil
}

// Open opens a value that was sealed for what a label stands for. An error is one of the above.
func Open(key *rsa.PrivateKey, sealed []byte, label string) ([]byte, error) {
	wrapped, box, ok := split(sealed)
	if !ok {
		return nil, ErrMalformed
	}
	if len(wrapped) != key.Size() {
		return nil, ErrKey
	}
	session, err := rsa.DecryptOAEP(sha256.New(), nil, key, wrapped, []byte(label))
	if err != nil {
		return nil, ErrKey
	}
	if len(session) != keyBytes {
		return nil, ErrKey
	}
	block, err := aes.NewCipher(session)
	if err != nil {
		return nil, ErrKey
	}
	// The AEAD of random nonces takes the nonce from what stands before the box, so that zeros serve as well. With GODEBUG=fips140=only it is
	// the one that there is: it opens what Sealed Secrets sealed, and nothing seals so.
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, ErrKey
	}
	value, err := aead.Open(nil, nil, append(make([]byte, nonceBytes, nonceBytes+len(box)), box...), nil)
	if err != nil {
		return nil, ErrKey
	}
	return value, nil
}

// Modulus is how many bytes the modulus of the key has that sealed a value; 0: it is no sealed value.
func Modulus(sealed []byte) int {
	wrapped, _, _ := split(sealed)
	return len(wrapped)
}

// split takes a sealed value apart.
func split(sealed []byte) (wrapped, box []byte, ok bool) {
	if len(sealed) < lengthBytes {
		return nil, nil, false
	}
	n, rest := int(binary.BigEndian.Uint16(sealed)), sealed[lengthBytes:]
	if n == 0 || len(rest) < n+tagBytes {
		return nil, nil, false
	}
	return rest[:n], rest[n:], true
}
