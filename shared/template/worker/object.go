package worker

import (
	"encoding/json"

	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/template"
)

// object reads a rendered text as YAML, and writes the object of texts that it is as JSON. Numbers and booleans become the text that YAML
// has for them (5432, 1.1 for 1.10, true for yes), and null an empty one, as in External Secrets Operator. It is done here since YAML,
// whose aliases multiply, is as much a program of the tenant's as its template.
func object(text template.Text, rendered string) (string, *template.Problem) {
	texts := map[string]string{}
	if err := yaml.Unmarshal([]byte(rendered), &texts); err != nil { // what it says may hold values
		return "", &template.Problem{
			Field: text.Field, Kind: template.Output,
			Detail: "what the template makes is not YAML of the form name: text, a line each: quote values, or make one entry of it",
		}
	}
	written, err := json.Marshal(texts)
	if err != nil {
		return "", &template.Problem{Field: text.Field, Kind: template.Output, Detail: "what the template makes cannot be written as JSON"}
	}
	return string(written), nil
}
