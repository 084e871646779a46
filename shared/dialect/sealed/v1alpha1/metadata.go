package v1alpha1

import "encoding/json"

// Metadata is what a Secret has beside its entries. Name, namespace and owner are given, and what else is written is not served, but kept,
// so that it can be named.
//
// +kubebuilder:pruning:PreserveUnknownFields
type Metadata struct {
	// Labels of the Secret. They are no secrets, and no templates.
	// +optional
	Labels map[string]Text `json:"labels,omitempty"`

	// Annotations of the Secret. They are no secrets, and no templates.
	// +optional
	Annotations map[string]Text `json:"annotations,omitempty"`

	// others are all other fields, each as it is written, in JSON.
	others map[string]string `json:"-"`
}

// Others are the fields beside labels and annotations, each as it is written, in JSON. Labels and annotations that are no objects are among
// them.
func (m *Metadata) Others() map[string]string { return m.others }

// UnmarshalJSON implements json.Unmarshaler.
func (m *Metadata) UnmarshalJSON(raw []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return err
	}
	*m = Metadata{}
	for name, to := range map[string]*map[string]Text{"labels": &m.Labels, "annotations": &m.Annotations} {
		if value, there := fields[name]; there && json.Unmarshal(value, to) == nil {
			delete(fields, name)
		}
	}
	for name, value := range fields {
		if m.others == nil {
			m.others = map[string]string{}
		}
		m.others[name] = string(value)
	}
	return nil
}

// MarshalJSON implements json.Marshaler.
func (m Metadata) MarshalJSON() ([]byte, error) {
	fields := map[string]any{}
	for name, value := range m.others {
		fields[name] = json.RawMessage(value)
	}
	if m.Labels != nil {
		fields["labels"] = m.Labels
	}
	if m.Annotations != nil {
		fields["annotations"] = m.Annotations
	}
	return json.Marshal(fields)
}
