package sealed_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/dialect/dialecttest"
	"github.com/secretgate/secretgate/shared/dialect/sealed"
	"github.com/secretgate/secretgate/shared/dialect/sealed/v1alpha1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/settings"
)

// TestPlans has the whole Plan of objects.
func TestPlans(t *testing.T) {
	plans := dialecttest.Plans(t, rows(t, "testdata/plans.yaml"))
	dialecttest.Golden(t, *update, "testdata/plans.golden", strings.ReplaceAll(plans, ciphertext(2048, 16), "$2048"))
}

// The scope is no part of the spec, so that its change leaves the generation as it is.
func TestAnotherScopeForcesAnotherAttempt(t *testing.T) {
	installation := &sealed.Installation{Serve: true}
	seen := map[string]string{}
	for name, annotations := range map[string]map[string]string{
		"strict": nil, "namespace-wide": {v1alpha1.AnnotationNamespaceWide: "true"}, "cluster-wide": {v1alpha1.AnnotationClusterWide: "true"},
		"forced": {names.AnnotationForceSync: "now"}, "forced again": {names.AnnotationForceSync: "later"},
	} {
		text := installation.ForceSync(&v1alpha1.SealedSecret{ObjectMeta: metav1.ObjectMeta{Annotations: annotations}})
		if other, taken := seen[text]; taken || text == "" {
			t.Errorf("%s: got %q, as for %q, want a text of its own", name, text, other)
		}
		seen[text] = name
	}
}

func TestACertificateThatIsNone(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ file, want string }{
		"a file that is not there": {"none.pem", "--sealed-cert: open none.pem: no such file"},
		"a file without one":       {file(t, []byte("a")), "has no PEM certificate: name a file that kubeseal --fetch-cert printed"},
		"a private key": {
			file(t, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY"})), "has a PRIVATE KEY: keep certificates alone in it",
		},
		"one of another algorithm":  {file(t, certificate(t, ec)), "has a certificate without an RSA key"},
		"one that cannot be parsed": {file(t, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE"})), "x509: malformed certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			err := installed(t, "--sealed-cert="+test.file).Finish(settings.Policy{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
