package sealed_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"flag"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/dialecttest"
	"github.com/secretgate/secretgate/shared/dialect/sealed"
	"github.com/secretgate/secretgate/shared/dialect/sealed/v1alpha1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/shared/settings"
)

// row is a document of testdata/rows.yaml: what a namespace permits, an object, and how it is installed.
type row struct {
	Name        string                `json:"name"`
	Annotations map[string]string     `json:"annotations,omitempty"` // of the namespace; keys without a prefix are secretgate.io's
	Enforce     bool                  `json:"enforce,omitempty"`     // the installation demands annotations
	JudgeOnly   bool                  `json:"judgeOnly,omitempty"`   // the controller of Sealed Secrets serves the objects
	AcceptV1    bool                  `json:"acceptV1,omitempty"`
	Cert        bool                  `json:"cert,omitempty"` // --sealed-cert has that of a key of 2,048 bits
	Object      v1alpha1.SealedSecret `json:"object"`         // core/db
}

var update = flag.Bool("update", false, "write the golden files of testdata anew; look at what changed")

// TestEachRowIsJudged has a denial for each rule, beside what is permitted.
func TestEachRowIsJudged(t *testing.T) {
	dialecttest.Golden(t, *update, "testdata/rows.golden", dialecttest.Judged(t, rows(t, "testdata/rows.yaml")))
}

// ciphertext is one of a key of some bits by its form alone, with bytes behind the key.
func ciphertext(bits, behind int) string {
	const bitsPerByte = 8
	modulus := bits / bitsPerByte
	length := binary.BigEndian.AppendUint16(nil, uint16(modulus))
	return base64.StdEncoding.EncodeToString(append(length, make([]byte, modulus+behind)...))
}

// rows reads a file of them. In it, $2048 and the like stand for a value that is sealed by a key of so many bits, and $cut for one that lacks a
// byte.
func rows(t *testing.T, file string) []row {
	t.Helper()
	return dialecttest.Rows[row](t, file, strings.NewReplacer("$2048", ciphertext(2048, 16), "$4096", ciphertext(4096, 20), "$1024", ciphertext(1024, 16),
		"$1536", ciphertext(1536, 16), "$3000", ciphertext(3000, 16), "$16384", ciphertext(16384, 16), "$16392", ciphertext(16392, 16),
		"$768", ciphertext(768, 16), "$cut", ciphertext(2048, 15)))
}

// Title implements dialecttest.Row.
func (r row) Title() string { return r.Name }

// Policy implements dialecttest.Row.
func (r row) Policy() (policy.Namespace, policy.Settings) {
	return dialecttest.Core(r.Annotations), policy.Settings{Enforce: r.Enforce}
}

// Plan implements dialecttest.Row.
func (r row) Plan(t *testing.T) (*plan.Plan, field.ErrorList) {
	t.Helper()
	installation := installed(t, r.args(t)...)
	if err := installation.Finish(settings.Policy{}); err != nil {
		t.Fatal(err)
	}
	r.Object.Namespace, r.Object.Name = "core", "db"
	return installation.Kinds()[0].Plan(&r.Object, nil)
}

// args are the flags of the row's installation.
func (r row) args(t *testing.T) (all []string) {
	t.Helper()
	if r.JudgeOnly {
		all = append(all, "--sealed-serve=false")
	}
	if r.AcceptV1 {
		all = append(all, "--sealed-accept-v1-data")
	}
	if r.Cert {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, "--sealed-cert="+file(t, certificate(t, key)))
	}
	return all
}

// certificate is one of a key, as PEM.
func certificate(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// file is one that holds a text.
func file(t *testing.T, text []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// installed is the dialect as webhook check has it with some flags.
func installed(t *testing.T, args ...string) dialect.Installation {
	t.Helper()
	installation := sealed.Dialect().New()
	section := settings.NewSection("", func(string) (string, bool) { return "", false })
	installation.Bind(section, dialect.Check)
	if err := section.Flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return installation
}
