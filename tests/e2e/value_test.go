package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
)

// currentVersion is the id of a secret's AWSCURRENT version.
func currentVersion(t *testing.T, name string) string {
	t.Helper()
	for _, s := range theLab.Clouds.AWS().Secrets(theLab.AWSRegion) {
		if s.Name == name {
			return s.VersionID
		}
	}
	t.Fatalf("there is no secret %s", name)
	return ""
}

func putAWSBinary(t *testing.T, name string, value []byte) {
	t.Helper()
	if err := theLab.Clouds.AWS().PutSecrets(theLab.AWSRegion, secretsmanager.Secret{Name: name, Binary: value}); err != nil {
		t.Fatal(err)
	}
}

func TestValuesOfAWS(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, nil)
	old, current, encoded, from, with := secretValue(), secretValue(), secretValue(), secretValue(), secretValue()
	putAWS(t, namespace+"/rotated", fmt.Sprintf(`{"password":%q}`, old))
	oldVersion := currentVersion(t, namespace+"/rotated")
	putAWS(t, namespace+"/rotated", fmt.Sprintf(`{"password": %q, "number": 12345678901234567890, "o": {"z": 1, "a": [true, null]}}`, current))
	putAWS(t, namespace+"/text", base64.URLEncoding.EncodeToString([]byte(encoded)))
	putAWSBinary(t, namespace+"/binary", []byte("\x00\xff"+encoded))
	putAWS(t, namespace+"/from", fmt.Sprintf(`{"from": %q, "both": "from", "all": "from"}`, from))
	putAWS(t, namespace+"/with", base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"with": %q, "both": "with", "all": "with"}`, with)))
	kubectl.MustApply(t, namespace, object("db", fmt.Sprintf(`
  backendType: secretsManager
  dataFrom: [%[1]s/from]
  dataFromWithOptions:
    - {key: %[1]s/with, isBinary: true}
    - {key: %[1]s/with, isBinary: true, versionStage: AWSCURRENT}
  data:
    - {key: %[1]s/rotated, name: all, property: number}
    - {key: %[1]s/rotated, name: current, property: password}
    - {key: %[1]s/rotated, name: previous, property: password, versionStage: AWSPREVIOUS}
    - {key: %[1]s/rotated, name: version, property: password, versionId: %[2]s}
    - {key: %[1]s/rotated, name: object, property: o}
    - {key: %[1]s/rotated, name: item, property: "o.a[0]"}
    - {key: %[1]s/text, name: decoded, isBinary: true}
    - {key: %[1]s/binary, name: bytes}
    - {key: %[1]s/binary, name: bytes-too, isBinary: true}`, namespace, oldVersion)))
	awaitData(t, namespace, "db", map[string]string{
		"from": from, "with": with, "both": "with", "all": "12345678901234567890", "current": current, "previous": old, "version": old,
		"object": `{"z":1,"a":[true,null]}`, "item": "true", "decoded": encoded, "bytes": "\x00\xff" + encoded, "bytes-too": "\x00\xff" + encoded,
	})
}

func TestValuesOfVault(t *testing.T) {
	t.Parallel()
	namespace, two, one := newNamespace(t, nil), secretValue(), secretValue()
	putVault(t, namespace, map[string]any{"password": two, "number": 1e15, "o": map[string]any{"deep": []any{"x"}}, "a.b": "dotted"})
	if err := theLab.Vault().KVv1("kv1").Put(t.Context(), namespace, map[string]any{"password": one, "number": json.Number("12345678901234567890")}); err != nil {
		t.Fatal(err)
	}
	kubectl.MustApply(t, namespace, object("two", fmt.Sprintf(`
  backendType: vault
  vaultMountPoint: kubernetes
  vaultRole: my-vault-role
  data:
    - {key: secret/data/%[1]s, name: password, property: password}
    - {key: secret/data/%[1]s, name: number, property: number}
    - {key: secret/data/%[1]s, name: deep, property: "o.deep[0]"}
    - {key: secret/data/%[1]s, name: dotted, property: a.b}`, namespace)))
	kubectl.MustApply(t, namespace, object("one", "{"+vaultSpec+", kvVersion: 1, dataFrom: [kv1/"+namespace+"]}"))
	awaitData(t, namespace, "two", map[string]string{"password": two, "number": "1000000000000000", "deep": "x", "dotted": "dotted"})
	// Only this version of the engine keeps so many digits; the other turns numbers into floats by itself.
	awaitData(t, namespace, "one", map[string]string{"password": one, "number": "12345678901234567890"})
}

// A Secret is never emptied, and never loses an entry, because a value cannot be used.
func TestLastGoodSecretStaysWhole(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	for i := range 18 {
		fmt.Fprintf(&many, ", {key: NS/value, name: many-%d}", i)
	}
	for name, tc := range map[string]struct {
		entry     string // beside one that is always fine
		good, bad string
		says      string
	}{
		"bad JSON where a property is wanted": {"{key: NS/value, name: value, property: p}", `{"p":"%s"}`, `{"p":"%s"`, "is not JSON, so it has no property p"},
		"a property that is gone":             {"{key: NS/value, name: value, property: p}", `{"p":"%s"}`, `{"q":"%s"}`, "ERROR, spec.data[1]: Could not find property p in NS/value"},
		"text that is no base64":              {"{key: NS/value, name: value, isBinary: true}", "cGxhaW4=%.0s", "no base64: %s", "is not base64"},
		"more than a Secret may hold":         {"{key: NS/value, name: value}" + many.String(), "%s", "%s" + strings.Repeat("x", 60<<10), "bytes together; the API server accepts 1048576"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t, nil)
			putAWS(t, namespace+"/fine", secretValue())
			putAWS(t, namespace+"/value", fmt.Sprintf(tc.good, secretValue()))
			kubectl.MustApply(t, namespace, object("db", in(namespace, "{backendType: secretsManager, data: [{key: NS/fine, name: fine}, "+tc.entry+"]}")))
			awaitReason(t, namespace, "db", plan.ReasonSynced)
			good := getSecret(t, namespace, "db")
			putAWS(t, namespace+"/value", fmt.Sprintf(tc.bad, secretValue()))
			says(t, awaitReason(t, namespace, "db", plan.ReasonInvalidValue), in(namespace, tc.says))
			putAWS(t, namespace+"/fine", secretValue())
			awaitAttempts(t, theLab.Syncer.MetricsAddress, namespace, "db", "error", 2)
			untouched(t, good)
			putAWS(t, namespace+"/value", fmt.Sprintf(tc.good, secretValue()))
			awaitReason(t, namespace, "db", plan.ReasonSynced)
		})
	}
}

func TestMembersThatNoSecretMayHave(t *testing.T) {
	t.Parallel()
	namespace, member := newNamespace(t, nil), secretValue()
	putVault(t, namespace, map[string]any{"fine": "x", member + "/": "y"})
	kubectl.MustApply(t, namespace, object("db", "{"+vaultSpec+", dataFrom: [secret/data/"+namespace+"]}"))
	says(t, awaitReason(t, namespace, "db", plan.ReasonInvalidValue), "has a member whose name no Secret can have")
	if getSecret(t, namespace, "db") != nil {
		t.Error("a Secret was written")
	}
}
