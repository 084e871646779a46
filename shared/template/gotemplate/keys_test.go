package gotemplate

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"software.sslmate.com/src/go-pkcs12"

	texts "github.com/secretgate/secretgate/shared/template"
)

// chain is three certificates, and the key of the first.
type chain struct {
	key                      *ecdsa.PrivateKey
	leaf, intermediate, root *x509.Certificate
}

func newChain(t *testing.T) chain {
	t.Helper()
	var serial int64
	issue := func(name string, issuer *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		t.Helper()
		key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
		serial++
		template := &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, NotAfter: time.Unix(1<<33, 0), IsCA: name != "leaf", BasicConstraintsValid: true,
		}
		if name == "leaf" {
			template.DNSNames, template.IPAddresses = []string{"a.example", "b.example"}, []net.IP{net.IPv4(192, 0, 2, 1)}
			template.EmailAddresses, template.URIs = []string{"ann@a.example"}, []*url.URL{{Scheme: "spiffe", Host: "a.example"}}
		}
		if issuer == nil {
			issuer, by = template, key
		}
		return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, by))(t)))(t), key
	}
	root, rootKey := issue("root", nil, nil)
	intermediate, intermediateKey := issue("intermediate", root, rootKey)
	leaf, key := issue("leaf", intermediate, intermediateKey)
	return chain{key, leaf, intermediate, root}
}

// must is a value, whose error ends the test.
func must[T any](value T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func certificates(certs ...*x509.Certificate) string { return certsPEM(certs) }

func privateKey(t *testing.T, key any) string {
	t.Helper()
	return must(encoded("PRIVATE KEY", key, x509.MarshalPKCS8PrivateKey))(t)
}

func publicKey(t *testing.T, key any) string {
	t.Helper()
	return must(encoded("PUBLIC KEY", key, x509.MarshalPKIXPublicKey))(t)
}

func jwk(t *testing.T, key any) string {
	t.Helper()
	return string(must(jose.JSONWebKey{Key: key, KeyID: "planted"}.MarshalJSON())(t))
}

func TestKeyFunctions(t *testing.T) {
	c := newChain(t)
	rsaKey := must(rsa.GenerateKey(rand.Reader, 2048))(t)
	publicEd, privateEd, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := privateKey(t, c.key)
	all := certificates(c.leaf, c.intermediate, c.root)
	mixed := "subject=planted\n" + certificates(c.root) + key + certificates(c.leaf, c.intermediate)
	modern := string(must(pkcs12.Modern2023.Encode(c.key, c.leaf, []*x509.Certificate{c.root, c.intermediate}, "pass"))(t))
	legacy := string(must(pkcs12.LegacyDES.Encode(rsaKey, c.leaf, nil, ""))(t))
	encrypted := string(must(rsa.EncryptOAEP(sha512.New(), rand.Reader, &rsaKey.PublicKey, []byte("planted"), nil))(t))
	pkcs1 := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)}))
	for _, tc := range []struct{ name, source, value, want string }{
		{"hexadecimal", `{{ .v | hexdec }}`, "68690a", "hi\n"},
		{"the certificates of a text", `{{ .v | filterPEM "CERTIFICATE" }}`, mixed, certificates(c.root, c.leaf, c.intermediate)},
		{"a certificate that does not begin its line", `{{ .v | filterPEM "CERTIFICATE" }}`, "cert: " + certificates(c.leaf), certificates(c.leaf)},
		{"the key of a text", `{{ filterPEM "private key" .v }}`, mixed, key},
		{"what a text does not have", `{{ filterPEM "PUBLIC KEY" .v }}`, mixed, ""},
		{"nothing has nothing", `{{ filterPEM "PUBLIC KEY" .v }}`, "", ""},
		{"a leaf", `{{ .v | filterPEM "CERTIFICATE" | filterCertChain "leaf" }}`, mixed, certificates(c.leaf)},
		{"an intermediate certificate", `{{ .v | filterCertChain "intermediate" }}`, certificates(c.intermediate, c.root, c.leaf), certificates(c.intermediate)},
		{"a root", `{{ .v | filterCertChain "root" }}`, all, certificates(c.root)},
		{"a chain without a root", `{{ .v | filterCertChain "root" }}`, certificates(c.leaf, c.intermediate), ""},
		{"a root alone is no leaf", `{{ .v | filterCertChain "leaf" }}`, certificates(c.root), ""},
		{"what a certificate is for", `{{ .v | certSANs | join "," }}`, all, "a.example,b.example,192.0.2.1,ann@a.example,spiffe://a.example"},
		{"the public key of a JWK", `{{ .v | jwkPublicKeyPem }}`, jwk(t, &rsaKey.PublicKey), publicKey(t, &rsaKey.PublicKey)},
		{"the public key of a private JWK", `{{ .v | jwkPublicKeyPem }}`, jwk(t, c.key), publicKey(t, &c.key.PublicKey)},
		{"an Ed25519 JWK", `{{ .v | jwkPublicKeyPem }}`, jwk(t, publicEd), publicKey(t, publicEd)},
		{"the private key of an RSA JWK", `{{ .v | jwkPrivateKeyPem }}`, jwk(t, rsaKey), privateKey(t, rsaKey)},
		{"the private key of an EC JWK", `{{ .v | jwkPrivateKeyPem }}`, jwk(t, c.key), key},
		{"the private key of an Ed25519 JWK", `{{ .v | jwkPrivateKeyPem }}`, jwk(t, privateEd), privateKey(t, privateEd)},
		{"the key of an archive", `{{ .v | pkcs12keyPass "pass" }}`, modern, key},
		{"the certificates of an archive, in their order", `{{ .v | pkcs12certPass "pass" }}`, modern, all},
		{"the key of an archive without a password", `{{ .v | b64enc | b64dec | pkcs12key }}`, legacy, privateKey(t, rsaKey)},
		{"the certificate of one", `{{ .v | pkcs12cert }}`, legacy, certificates(c.leaf)},
		{"what is encrypted for a key", `{{ .key | rsaDecrypt "RSA-OAEP" "SHA512" .v }}`, encrypted, "planted"},
		{"what is not encrypted", `{{ rsaDecrypt "None" "None" .v "" }}`, "planted", "planted"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			values := []texts.Entry{{Name: "v", Data: []byte(tc.value)}, {Name: "key", Data: []byte(pkcs1)}}
			got, problem := run(t, tc.source, texts.Options{}, values)
			if problem != nil {
				t.Fatal(problem)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestKeyFunctionsFail on what is none of their forms, and say nothing of it.
func TestKeyFunctionsFail(t *testing.T) {
	c := newChain(t)
	archive := string(must(pkcs12.Modern2023.Encode(c.key, c.leaf, nil, "pass"))(t))
	for _, tc := range []struct{ name, source, value string }{
		{"hexadecimal", `{{ hexdec .v }}`, "planted"},
		{"base64", `{{ b64dec .v }}`, "planted!"},
		{"base32", `{{ b32dec .v }}`, "planted"},
		{"no PEM", `{{ filterPEM "CERTIFICATE" .v }}`, "planted"},
		{"a broken certificate", `{{ certSANs .v }}`, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("planted")}))},
		{"no certificate at all", `{{ filterCertChain "leaf" .v }}`, "planted"},
		{"certificates of two chains", `{{ filterCertChain "leaf" .v }}`, certificates(c.leaf, newChain(t).leaf)},
		{"a part that chains do not have", `{{ filterCertChain "planted" .v }}`, certificates(c.leaf)},
		{"a symmetric JWK", `{{ jwkPrivateKeyPem .v }}`, `{"kty":"oct","k":"planted"}`},
		{"the private key of a public JWK", `{{ jwkPrivateKeyPem .v }}`, jwk(t, &c.key.PublicKey)},
		{"no JWK", `{{ jwkPublicKeyPem .v }}`, `{"planted": 1}`},
		{"another password", `{{ pkcs12keyPass "planted" .v }}`, archive},
		{"no archive", `{{ pkcs12cert .v }}`, "planted"},
		{"another scheme", `{{ rsaDecrypt "planted" "None" .v "" }}`, "planted"},
		{"no key", `{{ rsaDecrypt "RSA-OAEP" "None" .v .v }}`, "planted"},
		{"a key of another kind", `{{ rsaDecrypt "RSA-OAEP" "None" "x" .v }}`, privateKey(t, c.key)},
		{"AES that is too short", `{{ decryptAES "planted" .v }}`, "cGxhbnRlZA=="},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, problem := run(t, tc.source, texts.Options{}, []texts.Entry{{Name: "v", Data: []byte(tc.value)}})
			if problem == nil {
				t.Fatalf("got %q, want a problem", got)
			}
			if why := "the function fails on the value that it is given"; problem.Kind != texts.Value || !strings.HasSuffix(problem.Detail, why) {
				t.Errorf("got the problem %q, want one that ends with %q", problem.Detail, why)
			}
			if strings.Contains(problem.Detail, "planted") && !strings.Contains(tc.source, "planted") {
				t.Errorf("got the problem %q, which holds the value", problem.Detail)
			}
		})
	}
}

// ofESO are the functions of External Secrets Operator 2.9: those of its copy of sprig, and its own.
const ofESO = `hello ago date date_in_zone date_modify dateInZone dateModify duration durationRound htmlDate htmlDateInZone must_date_modify
	mustDateModify mustToDate now toDate unixEpoch abbrev abbrevboth trunc trim upper lower title untitle substr repeat trimall trimAll
	trimSuffix trimPrefix nospace initials randAlphaNum randAlpha randAscii randNumeric swapcase shuffle snakecase camelcase kebabcase wrap
	wrapWith contains hasPrefix hasSuffix quote squote cat indent nindent replace plural sha1sum sha256sum sha512sum adler32sum toString atoi
	int64 int float64 seq toDecimal split splitList splitn toStrings until untilStep add1 add sub div mod mul randInt add1f addf subf divf mulf
	biggest max min maxf minf ceil floor round join sortAlpha default empty coalesce all any compact mustCompact fromJson toJson toPrettyJson
	toRawJson mustFromJson mustToJson mustToPrettyJson mustToRawJson ternary deepCopy mustDeepCopy typeOf typeIs typeIsLike kindOf kindIs
	deepEqual base dir clean ext isAbs osBase osClean osDir osExt osIsAbs b64enc b64dec b32enc b32dec hexdec tuple list dict get set unset
	hasKey pluck keys pick omit merge mergeOverwrite mustMerge mustMergeOverwrite values append push mustAppend mustPush prepend mustPrepend
	first mustFirst rest mustRest last mustLast initial mustInitial reverse mustReverse uniq mustUniq without mustWithout has mustHas slice
	mustSlice concat dig chunk mustChunk bcrypt htpasswd genPrivateKey derivePassword buildCustomCert genCA genCAWithKey genSelfSignedCert
	genSelfSignedCertWithKey genSignedCert genSignedCertWithKey encryptAES decryptAES randBytes uuidv4 semver semverCompare fail regexMatch
	mustRegexMatch regexFindAll mustRegexFindAll regexFind mustRegexFind regexReplaceAll mustRegexReplaceAll regexReplaceAllLiteral
	mustRegexReplaceAllLiteral regexSplit mustRegexSplit regexQuoteMeta urlParse urlJoin toYaml fromYaml pkcs12key pkcs12keyPass pkcs12cert
	pkcs12certPass pemToPkcs12 pemToPkcs12Pass fullPemToPkcs12 fullPemToPkcs12Pass pemTruststoreToPKCS12 pemTruststoreToPKCS12Pass filterPEM
	filterCertChain certSANs jwkPublicKeyPem jwkPrivateKeyPem rsaDecrypt`

func TestFunctionsOfESOAreThereOrTheirAbsenceHasAReason(t *testing.T) {
	for name := range strings.FieldsSeq(ofESO) {
		there, why := functions()[name] != nil, noFunction(name)
		if there == strings.Contains(why, ": ") {
			t.Errorf("%s: got %v and %q, want either the function or a reason", name, there, why)
		}
	}
}
