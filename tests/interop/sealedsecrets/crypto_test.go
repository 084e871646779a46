package sealedsecrets

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"testing"

	theirs "github.com/bitnami/sealed-secrets/pkg/crypto"

	"github.com/secretgate/secretgate/shared/dialect/sealed/crypt"
)

// TestSealedSecretsOpensWhatWeSeal runs Sealed Secrets' own package as an oracle, in both directions.
func TestSealedSecretsOpensWhatWeSeal(t *testing.T) {
	for _, bits := range []int{2048, 4096} {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		keys := map[string]*rsa.PrivateKey{"key": key}
		for _, label := range []string{"", "core", "core/db"} {
			for _, value := range [][]byte{{}, []byte("planted!"), bytes.Repeat([]byte{0, 255}, 1<<16)} {
				sealed, err := crypt.Seal(&key.PublicKey, value, label)
				if err != nil {
					t.Fatal(err)
				}
				opened, err := theirs.HybridDecrypt(rand.Reader, keys, sealed, []byte(label))
				if err != nil || !bytes.Equal(opened, value) {
					t.Errorf("%d bits, label %q: theirs opens %d bytes of ours, and error %v, want %d bytes", bits, label, len(opened), err, len(value))
				}
				sealed, err = theirs.HybridEncrypt(rand.Reader, &key.PublicKey, value, []byte(label))
				if err != nil {
					t.Fatal(err)
				}
				opened, err = crypt.Open(key, sealed, label)
				if err != nil || !bytes.Equal(opened, value) {
					t.Errorf("%d bits, label %q: ours opens %d bytes of theirs, and error %v, want %d bytes", bits, label, len(opened), err, len(value))
				}
				for what, changed := range variants(sealed) {
					_, wantErr := theirs.HybridDecrypt(rand.Reader, keys, changed, []byte(label))
					if got, err := crypt.Open(key, changed, label); (err == nil) != (wantErr == nil) || got != nil {
						t.Errorf("%d bits, %s: got error %v, and theirs is %v", bits, what, err, wantErr)
					}
				}
			}
		}
	}
}

// variants are malformed ones of what was sealed.
func variants(sealed []byte) map[string][]byte {
	flipped := func(at int) []byte {
		c := bytes.Clone(sealed)
		c[at] ^= 1
		return c
	}
	return map[string][]byte{
		"nothing": nil, "one byte": sealed[:1], "half": sealed[:len(sealed)/2], "all but the last byte": sealed[:len(sealed)-1],
		"one byte more": append(bytes.Clone(sealed), 0), "another length": flipped(1), "another wrapped key": flipped(2), "another tag": flipped(len(sealed) - 1),
	}
}
