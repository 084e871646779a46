package kes_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect/kes"
	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
)

// FuzzPlan holds for whatever was stored: the object stays as it is, the same object gives the same plan, and policy finds
// every read of it, so that a namespace that permits no key permits no plan. FuzzReads looks at what plans hold.
func FuzzPlan(f *testing.F) {
	for _, seed := range []string{
		`{"spec":{"backendType":"secretsManager","roleArn":"arn:aws:iam::1:role/x","data":[{"key":"dev/db","name":"x","property":"a.b[0]"}],"dataFrom":["a"],"dataFromWithOptions":[{"key":"b","versionId":"1"}]}}`,
		`{"spec":{"backendType":"systemManager","region":"eu-west-1","data":[{"path":"/a","recursive":true},{"key":"/b:1","name":"n"}]}}`,
		`{"spec":{"backendType":"vault","vaultMountPoint":"k","vaultRole":"r","kvVersion":1,"dataFrom":["secret/data/../x"]}}`,
		`{"spec":{"backendType":"azureKeyVault","keyVaultName":"v","data":[{"key":"a/1","name":"n"}]}}`,
		`{"spec":{"backendType":"gcpSecretsManager","projectId":"p","data":[{"key":"a","name":"n","version":3}]}}`,
		`{"spec":{"backendType":"alicloudSecretsManager","data":[{"key":"a","name":"n"}],"template":{"type":"x","stringData":{"a":"<% %>"},"metadata":{"labels":{"a":"b"}}}}}`,
		`{"secretDescriptor":{"backendType":"secretManager","type":"t","properties":[{"key":"a","name":"n"}]},"spec":{"properties":[]}}`,
		`{"spec":{"refreshInterval":"1ms","deletionPolicy":"Retain","adoptExisting":true,"template":[],"data":{}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		es := &apiv1.ExternalSecret{}
		if json.Unmarshal(raw, es) != nil {
			return
		}
		in := kes.Installation{Defaults: backend.Defaults{Region: "us-west-2"}, MinRefreshInterval: 10 * time.Second}
		before := es.DeepCopy()
		p, errs := understand(es, in)
		if !reflect.DeepEqual(before, es) {
			t.Fatalf("the object was changed:\n%s", cmp.Diff(before, es))
		}
		again, errsAgain := understand(es, in)
		if !reflect.DeepEqual(p, again) || !reflect.DeepEqual(errs, errsAgain) {
			t.Fatalf("planned twice:\n%s", cmp.Diff(p, again))
		}
		if p != nil {
			checkPlan(t, p)
		}
	})
}

func checkPlan(t *testing.T, p *plan.Plan) {
	t.Helper()
	if len(p.Entries) == 0 || len(p.Sources()) > len(p.Entries) {
		t.Fatalf("%d entries, %d sources", len(p.Entries), len(p.Sources()))
	}
	ns := policy.Namespace{Name: "core", Annotations: map[string]string{names.AnnotationPermittedKeyName: ""}}
	if violations := policy.Check(p, ns, policy.Settings{}); len(violations) != len(p.Entries) {
		t.Fatalf("policy finds %d of %d entries", len(violations), len(p.Entries))
	}
	if p.Refresh.Interval < 0 || p.Refresh.Interval > 0 && p.Refresh.Interval < 10*time.Second {
		t.Fatalf("interval %s", p.Refresh.Interval)
	}
	for key := range p.Template.Annotations {
		if strings.HasPrefix(key, names.ReservedPrefix) {
			t.Fatalf("annotation %s", key)
		}
	}
}
