package sealed

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// A ciphertext is the length of an RSA ciphertext in two bytes, that ciphertext, which holds the key of the rest, and what AES-GCM makes of
// the value, with its tag.
const (
	lengthBytes = 2
	tagBytes    = 16
)

// weak is the length of the shortest RSA key, in bytes, that kubeseal seals by: 1,024 bits.
const weak = 128

// longest is the length of the longest RSA key, in bytes, that ciphertexts are accepted of: 16,384 bits. kubeseal seals by the key of any
// certificate, whatever its length is between these.
const longest = 2048

// safe is the length of the shortest one that the syncer uses: 2,048 bits.
const safe = 256

// again is what to do about a ciphertext that is none.
const again = "seal the value again by kubeseal"

// ciphertext reads one, as base64 has it. Nothing that it holds is repeated.
func (b *builder) ciphertext(at *field.Path, text string) (bytes string, ok bool) {
	wrong := func(format string, args ...any) (string, bool) {
		b.Fail(field.Invalid(at, field.OmitValueType{}, fmt.Sprintf(format, args...)+": "+again))
		return "", false
	}
	decoded, err := base64.StdEncoding.DecodeString(text) // line ends count for nothing, as for Sealed Secrets
	if err != nil {
		return wrong("is not base64")
	}
	if len(decoded) < lengthBytes {
		return wrong("is too short for a sealed value, with %d bytes", len(decoded))
	}
	modulus := int(binary.BigEndian.Uint16(decoded))
	if modulus < weak || modulus > longest {
		return wrong("is no sealed value, since it begins with the length of no RSA key (%d bytes; want %d to %d)", modulus, weak, longest)
	}
	if least := lengthBytes + modulus + tagBytes; len(decoded) < least {
		return wrong("is cut off: it has %d bytes, and a value sealed by a key of %d bits has at least %d",
			len(decoded), modulus*bitsPerByte, least)
	}
	if lengths := b.installation.lengths; lengths != nil && !slices.Contains(lengths, modulus) {
		return wrong("was sealed by a key of %d bits, which none of the certificates in --sealed-cert is of", modulus*bitsPerByte)
	}
	if modulus < safe {
		b.Warn("%s was sealed by a key of %d bits, which is not safe, and by which the syncer opens nothing: %s", at, modulus*bitsPerByte, again)
	}
	return string(decoded), true
}

const bitsPerByte = 8

// lengthsOf are the lengths of the RSA keys, in bytes, of the certificates in a file.
func lengthsOf(file string) (lengths []int, err error) {
	rest, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("%s has a %s: keep certificates alone in it, as kubeseal --fetch-cert prints them", file, block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		key, is := cert.PublicKey.(*rsa.PublicKey)
		if !is {
			return nil, fmt.Errorf("%s has a certificate without an RSA key: name that of a sealing key, as kubeseal --fetch-cert prints it", file)
		}
		lengths = append(lengths, key.Size())
	}
	if len(lengths) == 0 {
		return nil, errors.New(file + " has no PEM certificate: name a file that kubeseal --fetch-cert printed")
	}
	return lengths, nil
}
