package admit

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/sealed"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// sealedObject is a SealedSecret with two values that have the form of ciphertexts, and these annotations, in JSON.
func sealedObject(annotations string) string {
	value := base64.StdEncoding.EncodeToString(append([]byte{1, 0}, make([]byte, 256+16)...))
	return fmt.Sprintf(`{"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": {"name": "db", "namespace": "core",
		"annotations": {%s}}, "spec": {"encryptedData": {"a": %q, "b": %q}}}`, annotations, value, value)
}

// TestOpenings: what no key opens is warned of, and denied where the namespace requires that; what is not known is never denied.
func TestOpenings(t *testing.T) {
	required := map[string]string{names.AnnotationRequireOpenable: "true"}
	closed := func(entries ...string) (all field.ErrorList) {
		for _, name := range entries {
			all = append(all, field.Forbidden(field.NewPath("spec", "encryptedData").Key(name), "sealed elsewhere"))
		}
		return all
	}
	const unknownWarning = `it is stored, but whether this cluster's keys open its values, which namespace "core" requires ` +
		`(annotation secretgate.io/require-openable: "true"), is not known: the syncer cannot be reached`
	const denial = `spec.encryptedData[a]: Forbidden: cannot be opened with this cluster's keys, which namespace "core" requires ` +
		`(annotation secretgate.io/require-openable: "true"): sealed elsewhere`
	for name, c := range map[string]struct {
		cached, live map[string]string // annotations of the namespace
		unreadable   bool              // live
		object       string            // annotations
		closed       field.ErrorList
		unknown      string
		notAsked     bool
		denied       string
		warnings     []string
	}{
		"all values can be opened":                            {},
		"all values can be opened, as the namespace requires": {cached: required, live: required},
		"values that no key opens": {
			closed:   closed("a", "b"),
			warnings: []string{"spec.encryptedData[a], spec.encryptedData[b] cannot be opened with this cluster's keys: sealed elsewhere"},
		},
		"a value that no key opens, where the namespace requires that one does": {
			cached: required, live: required, closed: closed("a"), denied: denial,
		},
		"the annotation has come in the same apply": {live: required, closed: closed("a"), denied: denial},
		"the annotation is gone, which the cache does not know": {
			cached: required, closed: closed("a"), warnings: []string{"spec.encryptedData[a] cannot be opened with this cluster's keys: sealed elsewhere"},
		},
		"the annotation cannot be read again": {cached: required, unreadable: true, closed: closed("a"), denied: denial},
		"the annotation has another value": {
			cached: map[string]string{names.AnnotationRequireOpenable: "yes"}, live: map[string]string{names.AnnotationRequireOpenable: "yes"},
			closed: closed("a"), warnings: []string{"spec.encryptedData[a] cannot be opened with this cluster's keys: sealed elsewhere"},
		},
		"nothing is known": {unknown: "the syncer cannot be reached"},
		"nothing is known, where the namespace requires that values can be opened": {
			cached: required, live: required, unknown: "the syncer cannot be reached", warnings: []string{unknownWarning},
		},
		"a value that no key opens, and others that are not known": {
			cached: required, live: required, closed: closed("a"), unknown: "there was no time", denied: denial,
		},
		"what is not permitted is denied without the syncer": {
			cached: map[string]string{names.AnnotationPermittedSealingScope: "strict"}, live: map[string]string{names.AnnotationPermittedSealingScope: "strict"},
			object: `"sealedsecrets.bitnami.com/cluster-wide": "true"`, notAsked: true,
			denied: `metadata.annotations[sealedsecrets.bitnami.com/cluster-wide]: Forbidden: "cluster-wide" is not permitted in namespace "core": ` +
				`annotation secretgate.io/permitted-sealing-scope allows "strict"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			live := namespaceReader{annotations: map[string]map[string]string{"core": c.live}}
			if c.unreadable {
				live.err = errors.New("no route to host")
			}
			asked, kind := false, dialect.Kind(&sealed.Installation{Serve: true})
			v := &Validator{
				Kinds:      []dialect.Kind{kind},
				Namespaces: Namespaces{Cached: namespaceReader{annotations: map[string]map[string]string{"core": c.cached}}, Live: live},
				Opens: func(context.Context, *plan.Plan) (field.ErrorList, string) {
					asked = true
					return c.closed, c.unknown
				},
			}
			got := reviewOfKind(t, v, kind, sealedObject(c.object))
			message := ""
			if !got.Allowed {
				message = got.Result.Message
				if got.Result.Code != http.StatusForbidden {
					t.Errorf("got status %d, want %d", got.Result.Code, http.StatusForbidden)
				}
			}
			if message != c.denied || asked == c.notAsked {
				t.Errorf("got the denial %q, and asked: %t, want %q and %t", message, asked, c.denied, !c.notAsked)
			}
			if diff := cmp.Diff(c.warnings, got.Warnings); diff != "" {
				t.Errorf("warnings: -want +got:\n%s", diff)
			}
		})
	}
}

func TestObjectsWithoutSealedValuesAreNotAskedAbout(t *testing.T) {
	v := &Validator{
		Kinds: externalSecrets, Namespaces: Namespaces{Cached: permitting("x"), Live: permitting("x")},
		Opens: func(context.Context, *plan.Plan) (field.ErrorList, string) {
			t.Error("the syncer was asked about an ExternalSecret")
			return nil, ""
		},
	}
	if got := review(t, v, es(`{"backendType": "secretsManager", "region": "eu-west-1", "dataFrom": ["x"]}`)); !got.Allowed {
		t.Errorf("got %+v, want it allowed", got.Result)
	}
}
