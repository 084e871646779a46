package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/json"
)

// UnmarshalJSON decodes an object as far as it can. A spec or status that does not fit the types,
// as an older, looser CRD may have stored it, leaves them empty and says so in Malformed: one such
// object must not fail the list that holds every other one. Metadata that does not fit is an error.
func (e *ExternalSecret) UnmarshalJSON(raw []byte) error {
	type plain ExternalSecret
	var p plain
	err := json.Unmarshal(raw, &p)
	if err == nil {
		*e = ExternalSecret(p)
		return nil
	}
	var shell struct {
		metav1.TypeMeta   `json:",inline"`
		metav1.ObjectMeta `json:"metadata,omitempty"`
	}
	if json.Unmarshal(raw, &shell) != nil {
		return err
	}
	*e = ExternalSecret{TypeMeta: shell.TypeMeta, ObjectMeta: shell.ObjectMeta, Malformed: err.Error()}
	return nil
}
