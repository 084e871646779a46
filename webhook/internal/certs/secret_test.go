package certs

import (
	"crypto/x509"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSecretSurvivesWritingAndReading(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	one, two, three := mustSigner(t, now, time.Hour), mustSigner(t, now, time.Hour), mustSigner(t, now, time.Hour)
	for name, want := range map[string]state{
		"nothing":                      {},
		"a signer":                     {signer: one},
		"a signer and its successor":   {signer: one, next: two, nextSeen: now},
		"a signer and its predecessor": {signer: one, previous: []*x509.Certificate{two.cert, three.cert}, until: now},
	} {
		t.Run(name, func(t *testing.T) {
			before, err := encode(nil, state{signer: three, next: three, nextSeen: now, previous: []*x509.Certificate{one.cert}, until: now})
			if err != nil {
				t.Fatal(err)
			}
			before["foreign"] = []byte("stays")
			data, err := encode(before, want)
			if err != nil {
				t.Fatal(err)
			}
			got, damage := decode(data)
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(state{}), cmp.Comparer(sameSigner), cmp.Comparer(sameCertificate)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(damage.problems) > 0 || string(data["foreign"]) != "stays" {
				t.Errorf("problems %q, foreign key %q", damage.problems, data["foreign"])
			}
		})
	}
}

func TestDamageIsNamedWithoutQuotingIt(t *testing.T) {
	const planted = "c2VjcmV0LWtleS1tYXRlcmlhbA"
	now := time.Now()
	one, two := mustSigner(t, now, time.Hour), mustSigner(t, now, time.Hour)
	leaf, err := one.sign(&x509.Certificate{PublicKey: two.key.Public()}, now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	sound := func() map[string][]byte {
		data, err := encode(nil, state{signer: one})
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	other, err := encode(nil, state{signer: two})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name     string
		change   map[string][]byte
		problems []string
		salvaged int
	}{
		{"a key that is no PEM", map[string][]byte{"ca.key": []byte(planted)}, []string{"ca.key does not hold a private key in PEM"}, 1},
		{"a key in PEM that does not parse",
			map[string][]byte{"ca.key": []byte("-----BEGIN " + planted + "-----\nAAAA\n-----END " + planted + "-----\n")},
			[]string{"ca.key does not hold a private key in PEM"}, 1},
		{"a key that is missing", map[string][]byte{"ca.key": nil}, []string{"ca.key does not hold a private key in PEM"}, 1},
		{"the key of another CA", map[string][]byte{"ca.key": other["ca.key"]}, []string{"ca.key is not the key of ca.crt"}, 1},
		{"a certificate that is none", map[string][]byte{"ca.crt": []byte(planted)}, []string{"ca.crt does not hold one certificate in PEM"}, 0},
		{"a certificate that is no CA", map[string][]byte{"ca.crt": encodeCertificates([]*x509.Certificate{leaf})},
			[]string{"ca.crt is not a self-signed CA certificate"}, 0},
		{"a successor without a certificate", map[string][]byte{"next-ca.key": other["ca.key"]},
			[]string{"next-ca.crt does not hold one certificate in PEM"}, 0},
		{"predecessors that are none", map[string][]byte{"previous-ca.crt": []byte(planted)},
			[]string{"previous-ca.crt holds no certificates in PEM"}, 0},
		{"a date that is none", map[string][]byte{"previous-ca.crt": other["ca.crt"], "previous-ca.published-until": []byte(planted)},
			[]string{"previous-ca.published-until is not a time in RFC 3339"}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := sound()
			maps.Copy(data, test.change)
			_, got := decode(data)
			if diff := cmp.Diff(test.problems, got.problems); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if len(got.salvaged) != test.salvaged {
				t.Errorf("%d certificates salvaged, want %d", len(got.salvaged), test.salvaged)
			}
			if strings.Contains(strings.Join(got.problems, " "), planted) {
				t.Error("a problem quotes what the Secret holds")
			}
		})
	}
}
