package v1alpha1

import "encoding/json"

// Text is what should be a text. Whatever else stands there is kept as it is.
//
// +kubebuilder:validation:Type=string
type Text struct {
	text  string
	other string // JSON that is no text; empty: it is one
}

// TextOf is a text.
func TextOf(text string) Text { return Text{text: text} }

// Get is the text, if it is one.
func (t Text) Get() (text string, is bool) { return t.text, t.other == "" }

// IsNull reports whether null stands there.
func (t Text) IsNull() bool { return t.other == "null" }

// IsZero reports whether nothing is said: neither a text nor anything else.
func (t Text) IsZero() bool { return t == Text{} || t.IsNull() }

// UnmarshalJSON implements json.Unmarshaler. It keeps whatever it is given.
func (t *Text) UnmarshalJSON(raw []byte) error {
	*t = Text{}
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &t.text) != nil {
		*t = Text{other: string(raw)}
	}
	return nil
}

// MarshalJSON implements json.Marshaler.
func (t Text) MarshalJSON() ([]byte, error) {
	if t.other != "" {
		return []byte(t.other), nil
	}
	return json.Marshal(t.text)
}
