package v1

import (
	stdjson "encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/json"
)

// UnmarshalJSON decodes an object as far as it can. A spec or status that does not fit the types,
// as an older, looser CRD may have stored it, leaves them empty and says so in Malformed: one such
// object must not fail the list that holds every other one. Of such a spec only controllerId is
// kept, so that one syncer reports the problem, and the right one. Metadata that does not fit is an
// error.
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
		Spec              stdjson.RawMessage `json:"spec"`
	}
	if json.Unmarshal(raw, &shell) != nil {
		return err
	}
	var spec struct {
		ControllerID string `json:"controllerId"`
	}
	_ = json.Unmarshal(shell.Spec, &spec) // it is malformed: whatever can be had of it
	*e = ExternalSecret{TypeMeta: shell.TypeMeta, ObjectMeta: shell.ObjectMeta, Malformed: explain(err)}
	e.Spec.ControllerID = spec.ControllerID
	return nil
}

// DecodeSpec decodes a spec that is not part of an object. Its error names the field.
func DecodeSpec(raw []byte) (*ExternalSecretSpec, error) {
	spec := &ExternalSecretSpec{}
	if err := json.Unmarshal(raw, spec); err != nil {
		return nil, errors.New(explain(err))
	}
	return spec, nil
}

// explain words a decoding error in terms of the manifest rather than of Go.
func explain(err error) string {
	var wrong *stdjson.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err.Error()
	}
	at, is := wrong.Field, "a "+wrong.Value
	if at == "" {
		at = "it"
	}
	want, known := kinds[wrong.Type.Kind()]
	if !known {
		want = "of another type"
	}
	switch {
	case strings.HasPrefix(wrong.Value, "number "):
		is = "the " + wrong.Value
	case wrong.Value == "array" || wrong.Value == "object":
		is = "an " + wrong.Value
	}
	return fmt.Sprintf("%s must be %s, but is %s", at, want, is)
}

// kinds are what JSON calls the kinds of this package's fields.
var kinds = map[reflect.Kind]string{
	reflect.Bool:   "true or false",
	reflect.Int32:  "a whole number of 32 bits",
	reflect.Int64:  "a whole number",
	reflect.Map:    "an object",
	reflect.Slice:  "a list",
	reflect.String: "a string",
	reflect.Struct: "an object",
}
