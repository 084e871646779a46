package admit

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// withAnnotation adds kubectl's annotation to an object without metadata.
func withAnnotation(object, applied string) string {
	return strings.TrimSuffix(object, "}") + `, "metadata": {"annotations": {"` + lastApplied + `": ` + quoted(applied) + `}}}`
}

func quoted(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }

func TestConvertSingleRequests(t *testing.T) {
	applied := func(fields string) string {
		return `{"manager": "flux", "operation": "Apply", "apiVersion": "v1", "fieldsV1": ` + fields + `}`
	}
	updated := func(manager, fields, at string) string {
		return `{"manager": "` + manager + `", "operation": "Update", "apiVersion": "v1", "time": "` + at + `", "fieldsV1": ` + fields + `}`
	}
	object := func(spec string, managed ...string) string {
		return `{"apiVersion": "v1", "spec": ` + spec + `, "metadata": {"managedFields": [` + strings.Join(managed, ", ") + `]}}`
	}
	flux := Writer{"flux"}
	for name, c := range map[string]struct {
		updated, old string
		by           Writer
		want         string // the spec; empty: unchanged
		conflicts    string
		warnings     []string
	}{
		"a conflict names both fields as the author called them": {
			updated:   `{"secretDescriptor": {"properties": [1], "data": [2], "type": "a", "template": {"type": "a"}}}`,
			conflicts: `[secretDescriptor.type: Forbidden: is the deprecated name of secretDescriptor.template.type, which is set too: remove secretDescriptor.type, secretDescriptor.properties: Forbidden: is the deprecated name of secretDescriptor.data, which is set too: remove secretDescriptor.properties]`,
		},
		"both with the same value is a conflict on creation": {
			updated:   `{"spec": {"properties": [1], "data": [1]}}`,
			conflicts: `spec.properties: Forbidden: is the deprecated name of spec.data, which is set too: remove spec.properties`,
		},
		"each deprecated field earns a warning": {
			updated: `{"secretDescriptor": {"backendType": "secretManager", "properties": [1], "type": "a"}}`,
			want:    `{"backendType": "secretsManager", "data": [1], "template": {"type": "a"}}`,
			warnings: []string{
				"secretDescriptor is deprecated: use spec", "secretDescriptor.type is deprecated: use spec.template.type",
				"secretDescriptor.properties is deprecated: use spec.data", "secretDescriptor.backendType secretManager is deprecated: use secretsManager",
			},
		},
		"a spec that is text stays for the schema to complain about": {
			updated: `{"spec": "x", "secretDescriptor": {"data": []}}`,
		},
		"a descriptor that is a list stays": {
			updated: `{"secretDescriptor": []}`,
		},
		"properties that are no list stay": {
			updated: `{"spec": {"properties": {"a": 1}}}`,
		},
		"properties stay beside data that is no list": {
			updated: `{"spec": {"properties": [1], "data": "x"}}`,
		},
		"a type that is no text stays": {
			updated: `{"spec": {"type": 1}}`,
		},
		"a type stays beside a template that is a list": {
			updated: `{"spec": {"type": "a", "template": [1]}}`,
		},
		"a type stays beside a template's type that is a number": {
			updated: `{"spec": {"type": "a", "template": {"type": 1}}}`,
		},
		"null is absent: it is left for the schema": {
			updated: `{"spec": {"type": null, "properties": null}, "secretDescriptor": null}`,
		},
		"managed fields and annotations of wrong types tell nothing": {
			updated: `{"metadata": {"annotations": [], "managedFields": 1}, "spec": {"data": [1]}}`,
			old:     `{"metadata": 3}`,
			by:      flux,
		},
		"an update without deprecated fields changes nothing": {
			updated: `{"spec": {"data": [2]}}`,
			old:     `{"spec": {"data": [1]}}`,
		},
		"stored unconverted, an update of something else converts": {
			updated:  `{"spec": {"properties": [1], "region": "r"}}`,
			old:      `{"spec": {"properties": [1]}}`,
			want:     `{"data": [1], "region": "r"}`,
			warnings: []string{"spec.properties is deprecated: use spec.data"},
		},
		"stored unconverted, the target that an update adds wins": {
			updated: `{"spec": {"properties": [1], "data": [2]}}`,
			old:     `{"spec": {"properties": [1]}}`,
			want:    `{"data": [2]}`,
		},
		"stored with both, an edit of the alias wins": {
			updated:  `{"spec": {"properties": [3], "data": [2]}}`,
			old:      `{"spec": {"properties": [1], "data": [2]}}`,
			want:     `{"data": [3]}`,
			warnings: []string{"spec.properties is deprecated: use spec.data"},
		},
		"stored with both, an edit of the target wins": {
			updated: `{"spec": {"properties": [1], "data": [3]}}`,
			old:     `{"spec": {"properties": [1], "data": [2]}}`,
			want:    `{"data": [3]}`,
		},
		"stored with both, an edit of neither cannot tell which one counts": {
			updated:   `{"spec": {"properties": [1], "data": [2], "region": "r"}}`,
			old:       `{"spec": {"properties": [1], "data": [2]}}`,
			conflicts: `spec.properties: Forbidden: is the deprecated name of spec.data, which is set too: remove spec.properties`,
		},
		"stored with both and one value, an update converts": {
			updated:  `{"spec": {"properties": [1], "data": [1], "region": "r"}}`,
			old:      `{"spec": {"properties": [1], "data": [1]}}`,
			want:     `{"data": [1], "region": "r"}`,
			warnings: []string{"spec.properties is deprecated: use spec.data"},
		},
		"stored with a descriptor, a spec that an update adds wins": {
			updated: `{"secretDescriptor": {"properties": [1]}, "spec": {"data": [2]}}`,
			old:     `{"secretDescriptor": {"properties": [1]}}`,
			want:    `{"data": [2]}`,
		},
		"an annotation that is no manifest tells nothing": {
			updated:  withAnnotation(`{"spec": {"data": [1], "properties": [2]}}`, `nonsense`),
			old:      `{"spec": {"data": [1]}}`,
			want:     `{"data": [2]}`,
			warnings: []string{"spec.properties is deprecated: use spec.data"},
		},
		"a moved descriptor leaves none of its fields behind": {
			updated: withAnnotation(`{"spec": {"backendType": "vault", "roleArn": "r", "data": [1], "dataFrom": ["x"]}}`, `{"spec": {"backendType": "vault", "dataFrom": ["x"]}}`),
			old:     withAnnotation(`{"spec": {"backendType": "vault", "roleArn": "r", "data": [1]}}`, `{"secretDescriptor": {"backendType": "vault", "roleArn": "r", "properties": [1]}}`),
			want:    `{"backendType": "vault", "dataFrom": ["x"]}`,
		},
		"fields that kubectl merged on its way to server-side apply are the previous manifest": {
			updated: object(`{"dataFrom": ["x"], "data": [1], "roleArn": "r"}`, applied(`{"f:spec": {"f:dataFrom": {}}}`)),
			old:     object(`{"dataFrom": ["x"], "data": [1], "roleArn": "r"}`, applied(`{"f:secretDescriptor": {"f:properties": {}, "f:roleArn": {}}, "f:spec": {"f:dataFrom": {}}}`)),
			by:      flux,
			want:    `{"dataFrom": ["x"]}`,
		},
		"what another client added to the template survives the type": {
			updated: withAnnotation(`{"spec": {"dataFrom": ["x"], "template": {"type": "a", "immutable": true}}}`, `{"spec": {"dataFrom": ["x"]}}`),
			old:     withAnnotation(`{"spec": {"dataFrom": ["x"], "template": {"type": "a", "immutable": true}}}`, `{"spec": {"dataFrom": ["x"], "type": "a"}}`),
			want:    `{"dataFrom": ["x"], "template": {"immutable": true}}`,
		},
		"an empty template that the manifest had stays": {
			updated: withAnnotation(`{"spec": {"dataFrom": ["x"], "template": {"type": "a"}}}`, `{"spec": {"dataFrom": ["x"]}}`),
			old:     withAnnotation(`{"spec": {"dataFrom": ["x"], "template": {"type": "a"}}}`, `{"spec": {"dataFrom": ["x"], "template": {}, "type": "a"}}`),
			want:    `{"dataFrom": ["x"], "template": {}}`,
		},
		"what another applier holds stays when this one drops the alias": {
			updated: object(`{"dataFrom": ["x"], "data": [1]}`, applied(`{"f:spec": {"f:dataFrom": {}}}`), updated("kubectl-edit", `{"f:spec": {"f:data": {}}}`, "1")),
			old:     object(`{"data": [1]}`, applied(`{"f:spec": {"f:properties": {}}}`)),
			by:      flux,
		},
		"the alias of another applier holds what became of it": {
			updated: object(`{"dataFrom": ["x"], "data": [1]}`, applied(`{"f:spec": {"f:dataFrom": {}}}`), updated("create", `{"f:spec": {"f:properties": {}}}`, "1")),
			old:     object(`{"data": [1]}`, applied(`{"f:spec": {"f:properties": {}}}`)),
			by:      flux,
		},
		"a patch by an applier's name that is no apply is without provenance": {
			updated:  object(`{"data": [1], "properties": [2]}`, applied(`{"f:spec": {"f:data": {}}}`), updated("flux", `{"f:spec": {"f:properties": {}}}`, "1")),
			old:      object(`{"data": [1]}`, applied(`{"f:spec": {"f:data": {}}}`)),
			by:       flux,
			want:     `{"data": [2]}`,
			warnings: []string{"spec.properties is deprecated: use spec.data"},
		},
		"so is one in the same second as an earlier patch of that name": {
			updated: object(`{"data": [1], "properties": [2]}`,
				applied(`{"f:spec": {"f:data": {}}}`), updated("flux", `{"f:spec": {"f:region": {}, "f:properties": {}}}`, "1")),
			old:      object(`{"data": [1]}`, applied(`{"f:spec": {"f:data": {}}}`), updated("flux", `{"f:spec": {"f:region": {}}}`, "1")),
			by:       flux,
			want:     `{"data": [2]}`,
			warnings: []string{"spec.properties is deprecated: use spec.data"},
		},
		"an apply that takes fields from its own manager's patches is an apply": {
			updated: object(`{"data": [1], "dataFrom": ["x"]}`,
				applied(`{"f:spec": {"f:dataFrom": {}}}`), updated("flux", `{"f:spec": {"f:region": {}}}`, "1")),
			old: object(`{"data": [1], "dataFrom": ["y"]}`,
				applied(`{"f:spec": {"f:properties": {}}}`), updated("flux", `{"f:spec": {"f:region": {}, "f:dataFrom": {}}}`, "1")),
			by:   flux,
			want: `{"dataFrom": ["x"]}`,
		},
		"an update of the status by an applier's name does not hide the apply": {
			updated: object(`{"data": [1], "properties": [2]}`, applied(`{"f:spec": {"f:data": {}}}`), `{"manager": "flux", "operation": "Update", "subresource": "status"}`),
			old:     object(`{"data": [1], "properties": [2]}`, applied(`{"f:spec": {"f:properties": {}}}`)),
			by:      flux,
			want:    `{"data": [1]}`,
		},
		"the manifest's target wins over an alias that was stored unconverted": {
			updated: withAnnotation(`{"spec": {"properties": [1], "data": [2]}}`, `{"spec": {"data": [2]}}`),
			old:     `{"spec": {"properties": [1], "data": [3]}}`,
			want:    `{"data": [2]}`,
		},
		"an alias that no manifest names is judged by what changed": {
			updated:  withAnnotation(`{"spec": {"properties": [1], "data": [2]}}`, `{"spec": {"region": "r"}}`),
			old:      `{"spec": {"data": [2]}}`,
			want:     `{"data": [1]}`,
			warnings: []string{"spec.properties is deprecated: use spec.data"},
		},
		"numbers and unknown fields pass as they are": {
			updated:  `{"spec": {"properties": [{"version": 12345678901234567890}], "x": 1.10}}`,
			want:     `{"data": [{"version": 12345678901234567890}], "x": 1.10}`,
			warnings: []string{"spec.properties is deprecated: use spec.data"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			updated := decoded(t, c.updated)
			var old map[string]any
			if c.old != "" {
				old = decoded(t, c.old)
			}
			want := updated["spec"]
			if c.want != "" {
				want = decoded(t, c.want)
			}
			got := Convert(deprecated, updated, old, c.by)
			conflicts := ""
			if err := got.Conflicts.ToAggregate(); err != nil {
				conflicts = err.Error()
			}
			if diff := cmp.Diff(c.conflicts, conflicts); diff != "" {
				t.Errorf("conflicts (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want, got.Object["spec"]); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.warnings, got.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			checkPatch(t, updated, got.Object)
		})
	}
}

func decoded(t *testing.T, text string) map[string]any {
	t.Helper()
	object, err := decode([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return object
}
