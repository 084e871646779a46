package crypt_test

import (
	"crypto/x509"
	"encoding/hex"
	"os"
	"os/exec"
	"testing"

	"github.com/secretgate/secretgate/shared/dialect/sealed/crypt"
)

// The variables by which the test gives its own program, run with FIPS 140-3's algorithms alone, a key and what that sealed.
const (
	variableKey    = "CRYPT_TEST_KEY"
	variableSealed = "CRYPT_TEST_SEALED"
)

// TestAValueIsOpenedWithFIPSAlone: AES-GCM with a nonce of zeros is refused there for sealing, and not for opening.
func TestAValueIsOpenedWithFIPSAlone(t *testing.T) {
	if os.Getenv(variableKey) != "" {
		opensGiven(t)
		return
	}
	key := newKey(t, 2048)
	alone := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	alone.Env = append(os.Environ(), "GODEBUG=fips140=only",
		variableKey+"="+hex.EncodeToString(x509.MarshalPKCS1PrivateKey(key)),
		variableSealed+"="+hex.EncodeToString(seal(t, key, "planted!", "core/db")))
	if said, err := alone.CombinedOutput(); err != nil {
		t.Errorf("got %v, want the value opened:\n%s", err, said)
	}
}

// opensGiven opens what the variables hold, and seals it again, which must fail as the doc comment of Seal says.
func opensGiven(t *testing.T) {
	t.Helper()
	der, keyErr := hex.DecodeString(os.Getenv(variableKey))
	sealed, sealedErr := hex.DecodeString(os.Getenv(variableSealed))
	key, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil || keyErr != nil || sealedErr != nil {
		t.Fatal(err, keyErr, sealedErr)
	}
	if got, err := crypt.Open(key, sealed, "core/db"); err != nil || string(got) != "planted!" {
		t.Errorf("got %d bytes and error %v, want the value", len(got), err)
	}
	if _, err := crypt.Open(key, sealed, "core/other"); err == nil {
		t.Error("a value was opened under another label")
	}
	if _, err := crypt.Seal(&key.PublicKey, []byte("planted!"), "core/db"); err == nil {
		t.Error("a value was sealed by a nonce of zeros: then kubeseal --re-encrypt works, and its page can say so")
	}
}
