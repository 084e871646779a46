package check

import (
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/json"
	kubernetesyaml "sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/dialect"
)

// object is one API object of a document. What it says is read by the library that kubectl uses;
// node serves to find the places in the text, and is nil where they are not known.
type object struct {
	doc   *parsed
	node  *yaml.Node
	value map[string]any
}

// parsed is a document, understood.
type parsed struct {
	document
	places places
}

var namespacePattern = regexp.MustCompile(`kind['"]?\s*:\s*['"]?Namespace\b`)

// objects reads a document, and lists the items of lists in their stead. Its errors never repeat
// the text, which may hold a Secret.
func objects(d document) ([]object, error) {
	if d.err != nil {
		return nil, d.err
	}
	value, err := d.value()
	if err != nil || value == nil {
		return nil, err
	}
	p := &parsed{document: d}
	root := object{doc: p, value: value}
	var tree yaml.Node
	// JSON escapes characters in ways that YAML does not know: such a document has no places.
	if err := yaml.Unmarshal(d.text, &tree); err == nil && len(tree.Content) == 1 {
		p.places = newPlaces(d.text)
		root.node = resolved(tree.Content[0])
	}
	return root.items(nil), nil
}

func (d *document) value() (map[string]any, error) {
	text := d.text
	if !d.isJSON() {
		var err error
		if text, err = kubernetesyaml.YAMLToJSON(text); err != nil {
			return nil, readable(err)
		}
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return nil, &unreadable{cause: "a number or a text is none of JSON's"}
	}
	object, _ := value.(map[string]any) // a list or a text is no object, and none of ours
	return object, nil
}

// unreadable is why a document cannot be read, and where.
type unreadable struct {
	line  int // of the document, from 1; 0: not known
	cause string
}

func (u *unreadable) Error() string {
	return "this is not YAML: " + u.cause + "; a template must be rendered first: helm template … | webhook check -"
}

var yamlLine = regexp.MustCompile(`line (\d+): (.*)`)

// readable keeps of a parser's complaint what does not repeat the text.
func readable(err error) error {
	u := &unreadable{cause: "it cannot be parsed"}
	if match := yamlLine.FindStringSubmatch(err.Error()); match != nil {
		u.line, _ = strconv.Atoi(match[1])
		if !strings.ContainsAny(match[2], "`'\"") || !strings.Contains(match[2], "unmarshal") && !strings.Contains(match[2], "anchor") {
			u.cause = match[2]
		}
	}
	if strings.Contains(err.Error(), "unknown anchor") {
		u.cause = "an alias names an anchor that is not there"
	}
	return u
}

// items lists the objects of a list, or the object itself.
func (o object) items(found []object) []object {
	kind, _ := o.value["kind"].(string)
	items, isList := o.value["items"].([]any)
	if !isList || !strings.HasSuffix(kind, "List") {
		return append(found, o)
	}
	_, list := member(o.node, "items")
	for i, item := range items {
		value, ok := item.(map[string]any)
		if !ok {
			continue
		}
		one := object{doc: o.doc, value: value}
		if list != nil && list.Kind == yaml.SequenceNode && len(list.Content) == len(items) {
			one.node = resolved(list.Content[i])
		}
		found = one.items(found)
	}
	return found
}

func (o object) is(apiVersion, kind string) bool {
	return o.value["apiVersion"] == apiVersion && o.value["kind"] == kind
}

func (o object) isNamespace() bool { return o.is("v1", "Namespace") }

// metadata is a text of the object's metadata.
func (o object) metadata(name string) string {
	metadata, _ := o.value["metadata"].(map[string]any)
	text, _ := metadata[name].(string)
	return text
}

// position finds the line and column of a field, from 1, which may stand there by a deprecated name. A field that is not there is
// where it would have to be.
func (o object) position(path string, moves []dialect.Move) (line, column int) {
	if o.node == nil {
		return o.doc.line, o.doc.column + 1
	}
	return o.doc.at(o.doc.places.offset(locate(o.node, path, moves)))
}
