package keys

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/secretgate/secretgate/shared/dialect/sealed/crypt"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/metrics/metricstest"
)

const (
	namespace = "sealing"
	prefix    = "sealed-secrets-key"
)

// privates are keys that tests share: to make one takes long.
var privates = sync.OnceValue(func() []*rsa.PrivateKey {
	all := make([]*rsa.PrivateKey, 0, 4)
	for _, bits := range []int{2048, 2048, 2048, 3072} {
		private, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			panic(err)
		}
		all = append(all, private)
	}
	return all
})

// began is when fake time begins.
var began = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// keySecret is a Secret with the n-th key, valid since a time.
func keySecret(t testing.TB, name string, n int, since time.Time) *corev1.Secret {
	t.Helper()
	private := privates()[n]
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: since, NotAfter: since.Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, Labels: map[string]string{Label: Active}, UID: "u", ResourceVersion: "1",
			CreationTimestamp: metav1.NewTime(began),
		},
		Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{
			corev1.TLSPrivateKeyKey: pem.EncodeToMemory(&pem.Block{Type: blockPKCS1, Bytes: x509.MarshalPKCS1PrivateKey(private)}),
			corev1.TLSCertKey:       pem.EncodeToMemory(&pem.Block{Type: blockCert, Bytes: cert}),
		},
	}
}

// with changes a copy of a Secret.
func with(secret *corev1.Secret, change func(*corev1.Secret)) *corev1.Secret {
	changed := secret.DeepCopy()
	change(changed)
	return changed
}

func sealedBy(t testing.TB, n int, value, label string) plan.Sealed {
	t.Helper()
	ciphertext, err := crypt.Seal(&privates()[n].PublicKey, []byte(value), label)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Sealed{Ciphertext: string(ciphertext), Label: label}
}

func TestParse(t *testing.T) {
	good, other := keySecret(t, "a", 0, began), keySecret(t, "b", 1, began)
	pkcs8 := func(private any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: blockPKCS8, Bytes: der})
	}
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tiny, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	private := func(text []byte) func(*corev1.Secret) { return func(s *corev1.Secret) { s.Data["tls.key"] = text } }
	cert := func(text []byte) func(*corev1.Secret) { return func(s *corev1.Secret) { s.Data["tls.crt"] = text } }
	for name, test := range map[string]struct {
		change func(*corev1.Secret)
		want   string // the problem; empty: it is a key
	}{
		"PKCS #1":                              {func(*corev1.Secret) {}, ""},
		"PKCS #8":                              {private(pkcs8(privates()[0])), ""},
		"a key behind another block":           {private(append([]byte("-----BEGIN OTHER-----\n-----END OTHER-----\n"), good.Data["tls.key"]...)), ""},
		"the first certificate of several":     {cert(append(bytes.Clone(good.Data["tls.crt"]), other.Data["tls.crt"]...)), ""},
		"any type of Secret":                   {func(s *corev1.Secret) { s.Type = corev1.SecretTypeOpaque }, ""},
		"no key":                               {func(s *corev1.Secret) { delete(s.Data, "tls.key") }, "tls.key has no private key in PEM"},
		"an empty key":                         {private([]byte("\n")), "tls.key has no private key in PEM"},
		"a key that is no PEM":                 {private([]byte("planted!")), "tls.key has no private key in PEM"},
		"a block that is no key":               {private([]byte("-----BEGIN RSA PRIVATE KEY-----\ncGxhbnRlZCE=\n-----END RSA PRIVATE KEY-----\n")), "tls.key has no private key in PEM"},
		"a block of PKCS #8 that is no key":    {private([]byte("-----BEGIN PRIVATE KEY-----\ncGxhbnRlZCE=\n-----END PRIVATE KEY-----\n")), "tls.key has no private key in PEM"},
		"a key that is cut off":                {private(good.Data["tls.key"][:500]), "tls.key has no private key in PEM"},
		"an elliptic key":                      {private(pkcs8(elliptical)), "tls.key has a key that is not RSA"},
		"a short key":                          {private(pkcs8(tiny)), "tls.key has an RSA key of less than 2048 bits"},
		"no certificate":                       {func(s *corev1.Secret) { delete(s.Data, "tls.crt") }, "tls.crt has no certificate in PEM"},
		"a certificate that is none":           {cert([]byte("-----BEGIN CERTIFICATE-----\ncGxhbnRlZCE=\n-----END CERTIFICATE-----\n")), "tls.crt has no certificate of X.509"},
		"the certificate of another key":       {cert(other.Data["tls.crt"]), "tls.crt is the certificate of another key"},
		"the private key in the place of both": {cert(good.Data["tls.key"]), "tls.crt has no certificate in PEM"},
	} {
		key, err := parse(with(good, test.change), ByNotBefore)
		switch {
		case test.want == "" && (err != nil || !key.private.Equal(privates()[0]) || !key.At.Equal(began)):
			t.Errorf("%s: got %v and error %v, want the key, since %s", name, key, err, began)
		case test.want != "" && (key != nil || err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "planted!")):
			t.Errorf("%s: got %v and error %v, want error %q", name, key, err, test.want)
		}
	}
}

func TestAKeyIsPrintedAsItsName(t *testing.T) {
	key, err := parse(keySecret(t, "a", 0, began), ByNotBefore)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("key", "key", key)
	text := fmt.Sprintf("%v %+v %s %#v", key, key, key, key) + log.String()
	if d := privates()[0].D.String(); strings.Contains(text, d[:20]) || strings.Contains(text, fmt.Sprintf("%x", privates()[0].D)[:20]) {
		t.Error("the private key is printed")
	}
	if !strings.Contains(text, "sealing key a") {
		t.Errorf("got %s, want the name", text)
	}
}

// watched is a Ring that watches a cluster.
type watched struct {
	*Ring
	cluster   *fake.Clientset
	came      int
	malformed []string
}

// inFakeTime gives a test a Ring that watches Secrets.
func inFakeTime(t *testing.T, test func(t *testing.T, w *watched), secrets ...*corev1.Secret) {
	privates() // outside, since that takes time
	synctest.Test(t, func(t *testing.T) {
		w := &watched{Ring: &Ring{Namespace: namespace, Prefix: prefix, Order: ByNotBefore}, cluster: fake.NewClientset()}
		w.Came = func() { w.came++ }
		w.Malformed = func(secret *corev1.Secret, problem string) {
			w.malformed = append(w.malformed, secret.Name+": "+problem)
		}
		for _, secret := range secrets {
			w.create(t, secret)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { w.Watch(ctx, w.cluster.CoreV1().Secrets(namespace)) })
		synctest.Wait()
		test(t, w)
		cancel()
		done.Wait()
	})
}

func (w *watched) create(t *testing.T, secret *corev1.Secret) {
	t.Helper()
	if _, err := w.cluster.CoreV1().Secrets(namespace).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Error(err)
	}
}

func (w *watched) update(t *testing.T, secret *corev1.Secret) {
	t.Helper()
	if _, err := w.cluster.CoreV1().Secrets(namespace).Update(t.Context(), secret, metav1.UpdateOptions{}); err != nil {
		t.Error(err)
	}
	synctest.Wait()
}

func (w *watched) remove(t *testing.T, name string) {
	t.Helper()
	if err := w.cluster.CoreV1().Secrets(namespace).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
	synctest.Wait()
}

// names are those of the keys, the newest first.
func (w *watched) names() string {
	var all []string
	for _, key := range w.snapshot().keys {
		all = append(all, key.Name)
	}
	return strings.Join(all, " ")
}

func (w *watched) open(t *testing.T, sealed plan.Sealed) string {
	t.Helper()
	value, err := w.Open(t.Context(), "core", sealed)
	if err != nil {
		return "error: " + err.Error()
	}
	return string(value)
}

func TestKeysComeChangeAndGo(t *testing.T) {
	inFakeTime(t, func(t *testing.T, w *watched) {
		one, two := sealedBy(t, 0, "one", "core/db"), sealedBy(t, 1, "two", "core/db")
		step := func(what, names string, came int, opened ...string) {
			t.Helper()
			if got := w.names(); got != names {
				t.Errorf("%s: got keys %q, want %q", what, got, names)
			}
			if w.came != came {
				t.Errorf("%s: got %d notices that a key came, want %d", what, w.came, came)
			}
			for i, sealed := range []plan.Sealed{one, two} {
				if got := w.open(t, sealed); !strings.HasPrefix(got, opened[i]) {
					t.Errorf("%s: got %q, want %q", what, got, opened[i])
				}
			}
		}
		first, second := keySecret(t, "first", 0, began), keySecret(t, "second", 1, began.Add(time.Hour))
		step("a key that was there", "first", 1, "one", "error: no key of this cluster opens it")
		w.create(t, second)
		synctest.Wait()
		step("a newer key", "second first", 2, "one", "two")
		retired := with(first, func(s *corev1.Secret) { s.Labels[Label] = "compromised" })
		w.update(t, retired)
		step("a key that was retired", "second", 2, "error: no key of this cluster opens it", "two")
		w.update(t, first)
		step("a key that was retired by mistake", "second first", 3, "one", "two")
		w.update(t, with(second, func(s *corev1.Secret) { s.Data = first.Data }))
		step("a key that is another now", "second", 3, "one", "error: no key of this cluster opens it")
		w.remove(t, "first")
		w.remove(t, "second")
		step("no keys any more", "", 3, "error: the cluster has no sealing key in namespace sealing", "error: the cluster has no sealing key")
	}, keySecret(t, "first", 0, began))
}

func TestMalformedKeysHarmNothing(t *testing.T) {
	broken := with(keySecret(t, "broken", 1, began), func(s *corev1.Secret) { s.Data["tls.key"] = []byte("planted!") })
	inFakeTime(t, func(t *testing.T, w *watched) {
		if got := w.open(t, sealedBy(t, 0, "one", "core/db")); got != "one" {
			t.Errorf("got %q beside a key that is malformed, want the value", got)
		}
		want := []string{"broken: it is no sealing key, and is not used: tls.key has no private key in PEM, of PKCS #1 or PKCS #8: " +
			"restore the Secret from its backup"}
		if diff := cmp.Diff(want, w.malformed); diff != "" {
			t.Errorf("malformed (-want +got):\n%s", diff)
		}
		w.update(t, with(broken, func(s *corev1.Secret) { s.Annotations = map[string]string{"a": "b"} })) // the same version
		if len(w.malformed) != 1 {
			t.Errorf("got %d notices of one version, want 1", len(w.malformed))
		}
		w.update(t, with(broken, func(s *corev1.Secret) { s.ResourceVersion = "2" }))
		if len(w.malformed) != 2 {
			t.Errorf("got %d notices of two versions, want 2", len(w.malformed))
		}
		w.update(t, keySecret(t, "broken", 1, began.Add(-time.Hour)))
		if got := w.names(); got != "good broken" {
			t.Errorf("got keys %q once it is corrected, want both", got)
		}
	}, keySecret(t, "good", 0, began), broken)
}

func TestASecretOfTheFirstVersionsIsAKeyByItsName(t *testing.T) {
	legacy := with(keySecret(t, prefix, 0, began), func(s *corev1.Secret) { s.Labels = nil })
	other := with(keySecret(t, "other", 1, began), func(s *corev1.Secret) { s.Labels = nil })
	inFakeTime(t, func(t *testing.T, w *watched) {
		if got := w.names(); got != prefix {
			t.Errorf("got keys %q, want %q", got, prefix)
		}
		w.update(t, with(legacy, func(s *corev1.Secret) { s.Labels = map[string]string{Label: "compromised"} }))
		if got := w.names(); got != "" {
			t.Errorf("got keys %q once it is retired, want none", got)
		}
	}, legacy, other)
}

func TestTheNewestKeyIsFoundByTheOrder(t *testing.T) {
	byName := keySecret(t, "z", 2, began)
	secrets := []*corev1.Secret{
		with(keySecret(t, "a", 0, began), func(s *corev1.Secret) { s.CreationTimestamp = metav1.NewTime(began.Add(2 * time.Hour)) }),
		keySecret(t, "b", 1, began.Add(time.Hour)), byName,
	}
	for order, want := range map[Order]string{ByNotBefore: "b z a", ByCreation: "a z b"} {
		w := &watched{Ring: &Ring{Order: order, Prefix: prefix}}
		w.put(watchLabel, true, secrets...)
		w.put(watchName, true)
		if got := w.names(); got != want {
			t.Errorf("%s: got %q, want %q", order, got, want)
		}
		newest, err := w.Newest(t.Context())
		if err != nil || newest.Name != want[:1] {
			t.Errorf("%s: got newest %v and error %v, want %s", order, newest, err, want[:1])
		}
		sealed, err := w.Seal(t.Context(), []byte("v"), "core/db")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := crypt.Open(newest.private, sealed, "core/db"); err != nil || string(got) != "v" {
			t.Errorf("%s: the newest key opens %q, and error %v, of what was sealed, want v", order, got, err)
		}
	}
}

func TestTheKeysAreMeasured(t *testing.T) {
	r := &Ring{Prefix: prefix, Order: ByNotBefore}
	measured := func(what string, want map[string]float64) {
		t.Helper()
		if diff := cmp.Diff(want, metricstest.Series(t, NewMetrics(r))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	measured("before they are known", map[string]float64{})
	r.put(watchName, true)
	r.put(watchLabel, true)
	measured("without keys", map[string]float64{"secretgate_sealing_keys{}": 0})
	r.put(watchLabel, true, keySecret(t, "old", 0, began), keySecret(t, "new", 1, began.Add(time.Hour)))
	at := float64(began.Add(time.Hour).Unix())
	measured("with some", map[string]float64{
		"secretgate_sealing_keys{}": 2, "secretgate_sealing_newest_key_timestamp_seconds{}": at,
		"secretgate_sealing_newest_key_expiry_timestamp_seconds{}": at + 3600,
	})
}

func TestMessagesSayWhyNothingOpens(t *testing.T) {
	r := &Ring{Namespace: namespace, Prefix: prefix, Order: ByNotBefore}
	r.put(watchName, true)
	r.put(watchLabel, true, keySecret(t, "a", 0, began))
	good := sealedBy(t, 0, "planted!", "core/db")
	for name, test := range map[string]struct {
		sealed plan.Sealed
		want   string
	}{
		"another key":            {sealedBy(t, 1, "planted!", "core/db"), "no key of this cluster opens it: "},
		"a label of another one": {plan.Sealed{Ciphertext: good.Ciphertext, Label: "core/other"}, "no key of this cluster opens it: "},
		"another length":         {sealedBy(t, 3, "planted!", "core/db"), "it was sealed by a key of 3072 bits, and none of the cluster's keys has as many: "},
		"one that is cut off":    {plan.Sealed{Ciphertext: good.Ciphertext[:200], Label: "core/db"}, "it is no sealed value, or is cut off: seal the value again"},
	} {
		for range 2 { // the second time from memory
			value, err := r.Open(t.Context(), "core", test.sealed)
			if value != nil || err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("%s: got %d bytes and error %v, want error %q", name, len(value), err, test.want)
			}
		}
	}
}

func TestWhatFailedIsNotTriedAgainUntilAKeyComes(t *testing.T) {
	inFakeTime(t, func(t *testing.T, w *watched) {
		sealed := sealedBy(t, 1, "two", "core/db")
		for range 2 {
			if got := w.open(t, sealed); !strings.HasPrefix(got, "error: no key of this cluster") {
				t.Errorf("got %q, want an error", got)
			}
		}
		if !w.tried.isRefused(sealed) {
			t.Error("it is not remembered that no key opens it")
		}
		w.create(t, keySecret(t, "b", 1, began))
		synctest.Wait()
		if got := w.open(t, sealed); got != "two" {
			t.Errorf("got %q once the key came, want the value", got)
		}
	}, keySecret(t, "a", 0, began))
}

func TestTheKeyOfALabelIsTriedFirst(t *testing.T) {
	r := &Ring{Prefix: prefix, Order: ByNotBefore}
	r.put(watchName, true)
	r.put(watchLabel, true, keySecret(t, "old", 0, began), keySecret(t, "new", 1, began.Add(time.Hour)), keySecret(t, "long", 3, began))
	order := func(sealed plan.Sealed) (names []string) {
		fitting, _ := r.fitting(r.snapshot(), sealed, crypt.Modulus([]byte(sealed.Ciphertext)))
		for _, key := range fitting {
			names = append(names, key.Name)
		}
		return names
	}
	sealed := sealedBy(t, 0, "v", "core/db")
	if diff := cmp.Diff([]string{"new", "old"}, order(sealed)); diff != "" {
		t.Errorf("at first (-want +got):\n%s", diff)
	}
	if _, err := r.Open(t.Context(), "core", sealed); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"old", "new"}, order(sealed)); diff != "" {
		t.Errorf("after it opened a value of the label (-want +got):\n%s", diff)
	}
	sealed.Label = "core/other"
	if diff := cmp.Diff([]string{"new", "old"}, order(sealed)); diff != "" {
		t.Errorf("of another label (-want +got):\n%s", diff)
	}
}
