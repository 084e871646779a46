package owner

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/names"
)

func TestFieldsOf(t *testing.T) {
	entry := func(manager, raw string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, FieldsV1: metav1.NewFieldsV1(raw)}
	}
	for _, tc := range []struct {
		name                string
		entries             []metav1.ManagedFieldsEntry
		labels, annotations []string
	}{
		{"none", nil, nil, nil},
		{"those of other managers are not ours", []metav1.ManagedFieldsEntry{entry("kubectl", `{"f:metadata":{"f:labels":{"f:a":{}}}}`)}, nil, nil},
		{"the map itself is no key", []metav1.ManagedFieldsEntry{entry(names.FieldManager, `{"f:metadata":{"f:labels":{".":{}}}}`)}, nil, nil},
		{"keys with a prefix and a slash", []metav1.ManagedFieldsEntry{entry(names.FieldManager, `{"f:metadata":{"f:labels":{"f:x.io/a":{}},"f:annotations":{"f:f:b":{}}}}`)},
			[]string{"x.io/a"}, []string{"f:b"}},
		{"a record without fields", []metav1.ManagedFieldsEntry{{Manager: names.FieldManager}}, nil, nil},
		{"a record that cannot be read", []metav1.ManagedFieldsEntry{entry(names.FieldManager, `[`)}, nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := FieldsOf(tc.entries, names.FieldManager)
			if diff := cmp.Diff([][]string{tc.labels, tc.annotations}, [][]string{got.Labels, got.Annotations}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFieldsOfSeveralManagers(t *testing.T) {
	entries := []metav1.ManagedFieldsEntry{
		{Manager: "a", FieldsV1: metav1.NewFieldsV1(`{"f:data":{".":{},"f:user":{}},"f:type":{}}`)},
		{Manager: "b", FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:password":{}}}`)},
	}
	for name, test := range map[string]struct {
		managers []string
		want     Fields
	}{
		"that of the maker":    {[]string{"a"}, Fields{Data: []string{"user"}, Type: true, Any: true}},
		"that of another":      {[]string{"b"}, Fields{Data: []string{"password"}, Any: true}},
		"both":                 {[]string{"a", "b"}, Fields{Data: []string{"user", "password"}, Type: true, Any: true}},
		"one that set nothing": {[]string{"c"}, Fields{}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, FieldsOf(entries, test.managers...)); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}
