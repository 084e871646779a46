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
	tagBytes    = 16 // of GCM
)

// The errors of Open.
var (
	// ErrMalformed is of what is no sealed value, whatever the key.
	ErrMalformed = errors.New("is no sealed value, or is cut off")
	// ErrKey is of a value that the key does not open: it was sealed by another key, or for other objects, or was changed since.
	ErrKey = errors.New("cannot be opened by this key")
)

// Seal seals a value for what a label stands for.
func Seal(key *rsa.PublicKey, value []byte, label string) ([]byte, error) {
	session := make([]byte, keyBytes)
	_, _ = rand.Read(session) // it never fails
	wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, key, session, []byte(label))
	if err != nil {
		return nil, err
	}
	aead, err := gcm(session)
	if err != nil {
		return nil, err
	}
	sealed := make([]byte, 0, lengthBytes+len(wrapped)+len(value)+tagBytes)
	sealed = binary.BigEndian.AppendUint16(sealed, uint16(len(wrapped))) //nolint:gosec // RSA keys are shorter
	sealed = append(sealed, wrapped...)
	return aead.Seal(sealed, nonce(aead), value, nil), nil //nolint:gosec // the session key is used this once
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
	aead, err := gcm(session)
	if err != nil {
		return nil, ErrKey
	}
	value, err := aead.Open(nil, nonce(aead), box, nil)
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

// gcm is AES-GCM with a key that is used for one value alone.
func gcm(session []byte) (cipher.AEAD, error) {
	if len(session) != keyBytes {
		return nil, ErrKey
	}
	block, err := aes.NewCipher(session)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// nonce is zero, since each key is used once.
func nonce(aead cipher.AEAD) []byte { return make([]byte, aead.NonceSize()) }
