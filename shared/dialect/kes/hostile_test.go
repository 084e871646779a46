package kes_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect/kes"
	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

const supported = "secretsManager, systemManager, vault, azureKeyVault, gcpSecretsManager, alicloudSecretsManager"

func TestEverythingThatIsWrongIsListed(t *testing.T) {
	const (
		needed   = "spec.data: Required value: at least one of data, dataFrom and dataFromWithOptions is needed"
		noKey    = "Required value: the backend's name of the secret"
		noName   = "Required value: the entry of the Secret that key becomes"
		keyChars = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' " +
			"(e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
	)
	for name, test := range map[string]struct {
		body string
		want []string
	}{
		"nothing at all":         {`{}`, []string{"spec.backendType: Required value: one of " + supported, needed}},
		"an empty spec":          {`{spec: {}}`, []string{"spec.backendType: Required value: one of " + supported, needed}},
		"no data":                {`{spec: {backendType: secretsManager}}`, []string{needed}},
		"empty lists":            {`{spec: {backendType: secretsManager, data: [], dataFrom: [], dataFromWithOptions: []}}`, []string{needed}},
		"an unknown backend":     {`{spec: {backendType: Vault, dataFrom: [a]}}`, []string{`spec.backendType: Unsupported value: "Vault": supported values: "secretsManager", "systemManager", "vault", "azureKeyVault", "gcpSecretsManager", "alicloudSecretsManager"`}},
		"IBM":                    {`{spec: {backendType: ibmcloudSecretsManager, keyByName: true, data: [{key: a, name: x, secretType: arbitrary}]}}`, []string{`spec.backendType: Forbidden: "ibmcloudSecretsManager" is not supported by Secretgate; supported are ` + supported}},
		"Akeyless":               {`{spec: {backendType: akeyless, dataFrom: [/a]}}`, []string{`spec.backendType: Forbidden: "akeyless" is not supported by Secretgate; supported are ` + supported}},
		"no Key Vault":           {`{spec: {backendType: azureKeyVault, dataFrom: [a]}}`, []string{"spec.keyVaultName: Required value: backendType azureKeyVault needs the name of the Key Vault"}},
		"a KV version of none":   {`{spec: {backendType: vault, kvVersion: 3, dataFrom: [a]}}`, []string{"spec.kvVersion: Invalid value: 3: must be 1 or 2"}},
		"a KV version of zero":   {`{spec: {backendType: vault, kvVersion: 0, dataFrom: [a]}}`, []string{"spec.kvVersion: Invalid value: 0: must be 1 or 2"}},
		"another policy":         {`{spec: {backendType: vault, deletionPolicy: Orphan, dataFrom: [a]}}`, []string{`spec.deletionPolicy: Unsupported value: "Orphan": supported values: "Delete", "Retain"`}},
		"empty entries":          {`{spec: {backendType: vault, dataFrom: [""], dataFromWithOptions: [{}], data: [{}]}}`, []string{"spec.dataFrom[0]: " + noKey, "spec.dataFromWithOptions[0].key: " + noKey, "spec.data[0].key: " + noKey}},
		"entries that are null":  {`{spec: {backendType: vault, dataFrom: [null], dataFromWithOptions: [null], data: [null]}}`, []string{"spec.dataFrom[0]: " + noKey, "spec.dataFromWithOptions[0].key: " + noKey, "spec.data[0].key: " + noKey}},
		"a key without a name":   {`{spec: {backendType: vault, data: [{key: a}]}}`, []string{"spec.data[0].name: " + noName}},
		"a name without a key":   {`{spec: {backendType: vault, data: [{name: a}]}}`, []string{"spec.data[0].key: " + noKey}},
		"key and path":           {`{spec: {backendType: systemManager, data: [{key: a, path: b, name: c}]}}`, []string{"spec.data[0].path: Forbidden: key and path exclude each other: remove one"}},
		"a path for Vault":       {`{spec: {backendType: vault, data: [{path: a}]}}`, []string{"spec.data[0].path: Forbidden: only backendType systemManager reads paths: use key and name"}},
		"a hostile path":         {`{spec: {backendType: vault, data: [{path: a/../b}]}}`, []string{"spec.data[0].path: Forbidden: only backendType systemManager reads paths: use key and name", `spec.data[0].path: Invalid value: "a/../b": ` + dots}},
		"names no Secret has":    {`{spec: {backendType: vault, data: [{key: a, name: b/c}, {key: a, name: ..}, {key: a, name: ..x}, {key: a, name: .}]}}`, []string{`spec.data[0].name: Invalid value: "b/c": ` + keyChars, `spec.data[1].name: Invalid value: "..": must not be '..'`, `spec.data[2].name: Invalid value: "..x": must not start with '..'`, `spec.data[3].name: Invalid value: ".": must not be '.'`}},
		"everything at once":     {`{spec: {backendType: nope, kvVersion: 9, refreshInterval: x, deletionPolicy: Keep, type: a, template: {type: b, spec: c}, data: [{key: a}]}}`, []string{`spec.backendType: Unsupported value: "nope": supported values: "secretsManager", "systemManager", "vault", "azureKeyVault", "gcpSecretsManager", "alicloudSecretsManager"`, "spec.kvVersion: Invalid value: 9: must be 1 or 2", "spec.data[0].name: " + noName, `spec.refreshInterval: Invalid value: "x": must be a duration such as 30s, 5m or 1h, or 0 for never`, `spec.deletionPolicy: Unsupported value: "Keep": supported values: "Delete", "Retain"`, "spec.template.spec: Forbidden: a template may set metadata.labels, metadata.annotations, type, immutable, data and stringData", "spec.type: Forbidden: is the deprecated name of spec.template.type, which is set too: remove spec.type"}},
		"a spec of text":         {`{spec: text}`, []string{"spec: Invalid value: does not fit the CRD: spec must be an object, but is a string"}},
		"data of text":           {`{spec: {backendType: vault, data: text}}`, []string{"spec: Invalid value: does not fit the CRD: spec.data must be a list, but is a string"}},
		"data of objects":        {`{spec: {backendType: vault, data: {a: b}}}`, []string{"spec: Invalid value: does not fit the CRD: spec.data must be a list, but is an object"}},
		"a key of a number":      {`{spec: {backendType: vault, data: [{key: 5, name: a}]}}`, []string{"spec: Invalid value: does not fit the CRD: spec.data.key must be a string, but is a number"}},
		"a version of a boolean": {`{spec: {backendType: gcpSecretsManager, data: [{key: a, name: b, version: true}]}}`, []string{"spec: Invalid value: does not fit the CRD: spec.data.version must be a whole number of 32 bits, but is a bool"}},
		"a KV version of text":   {`{spec: {backendType: vault, kvVersion: "2", dataFrom: [a]}}`, []string{"spec: Invalid value: does not fit the CRD: spec.kvVersion must be a whole number of 32 bits, but is a string"}},
		"a huge number":          {`{spec: {backendType: vault, kvVersion: 99999999999, dataFrom: [a]}}`, []string{"spec: Invalid value: does not fit the CRD: spec.kvVersion must be a whole number of 32 bits, but is the number 99999999999"}},
		"suspend of text":        {`{spec: {backendType: vault, suspend: "yes", dataFrom: [a]}}`, []string{"spec: Invalid value: does not fit the CRD: spec.suspend must be true or false, but is a string"}},
		"a status of text":       {`{spec: {backendType: vault, dataFrom: [a]}, status: text}`, []string{"spec: Invalid value: does not fit the CRD: status must be an object, but is a string"}},
	} {
		t.Run(name, func(t *testing.T) { checkProblems(t, test.body, test.want...) })
	}
}

func TestDeprecatedFieldsThatWereNotConverted(t *testing.T) {
	const (
		simplest   = `{backendType: vault, data: [{key: secret/data/a, name: x}]}`
		descriptor = "secretDescriptor: Forbidden: is the deprecated name of spec, which is set too: remove secretDescriptor"
		properties = "spec.properties: Forbidden: is the deprecated name of spec.data, which is set too: remove spec.properties"
	)
	entry := func(at string) plan.Entry {
		e := single(at, "x", plan.Read{Key: "secret/data/a", EngineVersion: 2})
		e.Source.Backend = backend.Vault
		return e
	}
	for name, test := range map[string]struct {
		body     string
		field    string // where the one entry is; empty where there are problems
		problems []string
	}{
		"a descriptor alone":                     {`{secretDescriptor: ` + simplest + `}`, "secretDescriptor.data[0]", nil},
		"a descriptor and an empty spec":         {`{secretDescriptor: ` + simplest + `, spec: {}}`, "secretDescriptor.data[0]", nil},
		"a descriptor and the same spec":         {`{secretDescriptor: ` + simplest + `, spec: ` + simplest + `}`, "spec.data[0]", nil},
		"a descriptor and another spec":          {`{secretDescriptor: ` + simplest + `, spec: {backendType: vault, dataFrom: [a]}}`, "", []string{descriptor}},
		"an empty descriptor and a spec":         {`{secretDescriptor: {}, spec: ` + simplest + `}`, "", []string{descriptor}},
		"a descriptor that is null":              {`{secretDescriptor: null, spec: ` + simplest + `}`, "spec.data[0]", nil},
		"a descriptor of text":                   {`{secretDescriptor: text}`, "", []string{"secretDescriptor: Invalid value: does not fit the CRD: it must be an object, but is a string"}},
		"a descriptor of a list":                 {`{secretDescriptor: []}`, "", []string{"secretDescriptor: Invalid value: does not fit the CRD: it must be an object, but is an array"}},
		"a descriptor with a key of a number":    {`{secretDescriptor: {data: [{key: 5}]}}`, "", []string{"secretDescriptor: Invalid value: does not fit the CRD: data.key must be a string, but is a number"}},
		"properties alone":                       {`{spec: {backendType: vault, properties: [{key: secret/data/a, name: x}]}}`, "spec.properties[0]", nil},
		"properties and empty data":              {`{spec: {backendType: vault, data: [], properties: [{key: secret/data/a, name: x}]}}`, "spec.properties[0]", nil},
		"properties and the same data":           {`{spec: {backendType: vault, data: [{key: secret/data/a, name: x}], properties: [{key: secret/data/a, name: x}]}}`, "spec.data[0]", nil},
		"properties and other data":              {`{spec: {backendType: vault, data: [{key: secret/data/a, name: x}], properties: [{key: b, name: x}]}}`, "", []string{properties}},
		"properties in a descriptor":             {`{secretDescriptor: {backendType: vault, properties: [{key: secret/data/a, name: x}]}}`, "secretDescriptor.properties[0]", nil},
		"properties and other data inside of it": {`{secretDescriptor: {backendType: vault, data: [{key: a, name: x}], properties: [{key: b, name: x}]}}`, "", []string{"secretDescriptor.properties: Forbidden: is the deprecated name of secretDescriptor.data, which is set too: remove secretDescriptor.properties"}},
		"problems are where the author wrote":    {`{secretDescriptor: {backendType: vault, type: bootstrap.kubernetes.io/token, refreshInterval: x, properties: [{key: a/../b, name: /}]}}`, "", []string{`secretDescriptor.properties[0].name: Invalid value: "/": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`, `secretDescriptor.properties[0].key: Invalid value: "a/../b": ` + dots, `secretDescriptor.refreshInterval: Invalid value: "x": must be a duration such as 30s, 5m or 1h, or 0 for never`, "secretDescriptor.type: Forbidden: a Secret of type bootstrap.kubernetes.io/token may not be made from an ExternalSecret: it would let nodes join the cluster"}},
	} {
		t.Run(name, func(t *testing.T) {
			if test.field == "" {
				checkProblems(t, test.body, test.problems...)
				return
			}
			p := mustPlan(t, test.body, kes.Installation{})
			if len(p.Entries) != 1 || p.Entries[0] != entry(test.field) {
				t.Errorf("got %+v", p.Entries)
			}
		})
	}
	t.Run("the deprecated name of AWS Secrets Manager", func(t *testing.T) {
		p := mustPlan(t, `{spec: {backendType: secretManager, dataFrom: [a]}}`, kes.Installation{})
		if s := p.Entries[0].Source; s.Backend != backend.AWSSecretsManager || s.VersionStage != "AWSCURRENT" {
			t.Errorf("got %+v", p)
		}
	})
}

func TestTenThousandEntriesAreOneProblem(t *testing.T) {
	for _, list := range []string{"data", "properties", "dataFrom", "dataFromWithOptions"} {
		t.Run(list, func(t *testing.T) {
			entry := `{"key": "a/../b", "name": "/"}`
			if list == "dataFrom" {
				entry = `"a/../b"`
			}
			body := fmt.Sprintf(`{"spec": {"backendType": "vault", %q: [%s]}}`, list, strings.Repeat(entry+",", 9999)+entry)
			checkProblems(t, body, "spec."+list+": Too many: 10000: must have at most 1000 items")
		})
	}
	t.Run("a thousand are right", func(t *testing.T) {
		p := mustPlan(t, `{"spec": {"backendType": "vault", "dataFrom": [`+strings.Repeat(`"a",`, 999)+`"a"]}}`, kes.Installation{})
		if len(p.Entries) != 1000 || len(p.Sources()) != 1 {
			t.Errorf("%d entries, %d sources", len(p.Entries), len(p.Sources()))
		}
	})
}

func TestDeepJSONIsRefusedWithoutHarm(t *testing.T) {
	deep := strings.Repeat("[", 9000) + strings.Repeat("]", 9000)
	checkProblems(t, `{"spec": {"backendType": "vault", "dataFrom": ["a"], "template": `+deep+`}}`,
		"spec.template: Invalid value: must be an object: the fields of a Secret")
	checkProblems(t, `{"spec": {"backendType": "vault", "dataFrom": ["a"], "template": {"data": {"a": `+deep+`}}}}`,
		"spec.template.data[a]: Invalid value: must be a string: put it in quotes")
	checkProblems(t, `{"secretDescriptor": {"data": `+deep+`}}`,
		"secretDescriptor: Invalid value: does not fit the CRD: data must be an object, but is an array")
}

// FuzzReads looks for panics, and for reads that policy would judge by another spelling than the one
// that is sent.
func FuzzReads(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `{"spec":null}`, `{"spec":{"backendType":"vault","data":[{"key":"secret/data/a","name":"x"}]}}`,
		`{"secretDescriptor":{"backendType":"secretManager","properties":[{"key":"a","name":"b"}]}}`,
		`{"spec":{"backendType":"systemManager","type":"t","data":[{"path":"/a","recursive":true}],"template":{"data":{"a":"QQ=="}}}}`,
		`{"spec":{"backendType":"azureKeyVault","keyVaultName":"v","dataFrom":["a/b"],"refreshInterval":"1h"}}`,
		`{"spec":{"backendType":"gcpSecretsManager","projectId":"p","data":[{"key":"k","name":"n","version":1}]}}`,
		`{"spec":{"backendType":"alicloudSecretsManager","dataFromWithOptions":[{"key":"k","isBinary":true}]}}`,
		`{"spec":{"backendType":"vault","vaultMountPoint":"a/b","kvVersion":1,"dataFrom":["a/../b","%2e","a//b","\u0000"]}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		es := &apiv1.ExternalSecret{}
		if json.Unmarshal(raw, es) != nil {
			return
		}
		p, errs := understand(es, theInstallation)
		if (p == nil) == (len(errs) == 0) {
			t.Fatalf("there must be either a plan or errors: %v, %v", p, errs)
		}
		for _, err := range errs {
			if err.Field == "" || err.Error() == "" {
				t.Errorf("a problem without a place: %v", err)
			}
		}
		if p == nil {
			return
		}
		if len(p.Sources()) == 0 {
			t.Error("a plan that reads nothing")
		}
		for _, e := range p.Entries {
			if problem := notCanonical(e.Source.Backend, e.Source.Key); problem != "" {
				t.Errorf("key %q: %s", e.Source.Key, problem)
			}
		}
		for _, text := range []string{p.Stores()[0].Location, p.Stores()[0].Container} {
			if strings.ContainsAny(text, "/\\?#%@ \n") {
				t.Errorf("%q can change a host or a path", text)
			}
		}
		if _, forbidden := p.Template.Labels[names.LabelManaged]; forbidden {
			t.Error("a template sets our own label")
		}
	})
}

// notCanonical is written without a look at the rules, to be a second opinion.
func notCanonical(of plan.Backend, key string) string {
	for _, r := range key {
		if r < 0x20 || r == 0x7f {
			return "a control character"
		}
	}
	special := map[plan.Backend]string{
		backend.Vault: "%?#\\", backend.AzureKeyVault: "%?#\\._ ", backend.GCPSecretManager: "%?#\\./: ",
	}
	if !slices.Contains(slices.Collect(maps.Keys(special)), of) {
		return ""
	}
	if strings.ContainsAny(key, special[of]) {
		return "a special character"
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return "a segment that is empty or dots"
		}
	}
	return ""
}
