package owner

import (
	"encoding/json"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Fields are what field managers set of a Secret.
type Fields struct {
	Labels, Annotations, Data []string // keys
	Type                      bool     // which is set once, by the client that makes the Secret
	Any                       bool     // they set something
}

// FieldsOf are those that some field managers set, as the API server keeps record in managedFields.
func FieldsOf(entries []metav1.ManagedFieldsEntry, managers ...string) Fields {
	return FieldsWhere(entries, func(manager string) bool { return slices.Contains(managers, manager) })
}

// FieldsWhere are those that the field managers set which are chosen by name.
func FieldsWhere(entries []metav1.ManagedFieldsEntry, chosen func(manager string) bool) Fields {
	var found Fields
	for _, entry := range entries {
		if !chosen(entry.Manager) || entry.FieldsV1 == nil {
			continue
		}
		var fields struct {
			Data     map[string]json.RawMessage `json:"f:data"`
			Type     json.RawMessage            `json:"f:type"`
			Metadata struct {
				Labels      map[string]json.RawMessage `json:"f:labels"`
				Annotations map[string]json.RawMessage `json:"f:annotations"`
			} `json:"f:metadata"`
		}
		if json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields) != nil {
			continue // a format of the future: keys stay rather than vanish
		}
		found.Labels = append(found.Labels, fieldNames(fields.Metadata.Labels)...)
		found.Annotations = append(found.Annotations, fieldNames(fields.Metadata.Annotations)...)
		found.Data = append(found.Data, fieldNames(fields.Data)...)
		found.Type, found.Any = found.Type || fields.Type != nil, true
	}
	return found
}

func fieldNames(fields map[string]json.RawMessage) []string {
	var found []string
	for field := range fields {
		if name, ok := strings.CutPrefix(field, "f:"); ok {
			found = append(found, name)
		}
	}
	return found
}
