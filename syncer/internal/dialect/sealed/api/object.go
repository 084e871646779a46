package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/plan"
)

// sent is an object that a client sent: what its dialect makes of it, and all that it says, whether or not that means something here.
type sent struct {
	kind    dialect.Kind
	object  dialect.Object
	members map[string]any
}

var (
	errSeveral = errors.New("the body has several documents: send one object at a time")
	errPlace   = errors.New("what is sealed is not at its place")
	errFormat  = errors.New("the body is neither a JSON object nor YAML: send one object")
)

// decode reads an object of a kind, in JSON or YAML. An error says what is wrong, and quotes nothing.
func decode(kind dialect.Kind, body []byte) (*sent, error) {
	document, err := single(body)
	if err != nil {
		return nil, err
	}
	s := &sent{kind: kind, object: kind.New()}
	numbers := json.NewDecoder(bytes.NewReader(document))
	numbers.UseNumber() // they stay as they are
	if numbers.Decode(&s.members) != nil || s.members == nil {
		return nil, errFormat
	}
	want := kind.Type()
	if s.members["apiVersion"] != want.GroupVersion().String() || s.members["kind"] != want.Kind {
		return nil, fmt.Errorf("the object is no %s of %s: send one", want.Kind, want.GroupVersion())
	}
	if json.Unmarshal(document, s.object) != nil {
		return nil, fmt.Errorf("the object is no %s: a field of it has a value of another form", want.Kind)
	}
	return s, nil
}

// single is the only document of a body, as JSON.
func single(body []byte) ([]byte, error) {
	body = bytes.TrimSpace(body)
	if len(body) > 0 && body[0] == '{' && json.Valid(body) {
		return body, nil
	}
	var found []byte
	for reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(body))); ; {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errFormat
		}
		converted, err := yaml.YAMLToJSON(document)
		switch {
		case err != nil:
			return nil, errFormat
		case string(converted) == "null": // comments alone
		case found != nil:
			return nil, errSeveral
		default:
			found = converted
		}
	}
	if found == nil {
		return nil, errFormat
	}
	return found, nil
}

// sealed lists the entries that are sealed, or what is wrong with them. What is wrong with the rest of the object, such as its template,
// prevents neither that they are opened nor that they are sealed again.
func (s *sent) sealed() ([]plan.Entry, error) {
	p, errs := s.kind.Plan(s.object, nil)
	var wrong field.ErrorList
	for _, err := range errs {
		if p == nil || strings.HasPrefix(err.Field, "spec.encryptedData") || strings.HasPrefix(err.Field, "spec.data") {
			wrong = append(wrong, err)
		}
	}
	if len(wrong) > 0 {
		return nil, wrong.ToAggregate()
	}
	var entries []plan.Entry
	for _, e := range p.Entries {
		if e.IsSealed() {
			entries = append(entries, e)
		}
	}
	return entries, nil
}

// replace puts another ciphertext, in base64, in the place of an entry's.
func (s *sent) replace(e plan.Entry, ciphertext string) error {
	spec, _ := s.members["spec"].(map[string]any)
	in, name := spec, "data" // the whole Secret was sealed
	if e.Kind == plan.Single {
		in, _ = spec["encryptedData"].(map[string]any)
		name = e.Name
	}
	if _, there := in[name]; !there { // the name of a field is written in another case
		return errPlace
	}
	in[name] = ciphertext
	return nil
}
