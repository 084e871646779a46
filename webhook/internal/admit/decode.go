package admit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxMarks bounds what an object may hold, as the braces, brackets and commas outside of its texts tell before it is decoded:
// decoded and converted, {"a":0} takes more than a hundred times its length, and three megabytes of that would end the webhook that
// judges for all. An object with a thousand entries in each list has 13,000, and the managed fields of its writers add some.
const maxMarks = 40_000

func bounded(raw []byte) error {
	if n := marks(raw); n > maxMarks {
		return fmt.Errorf("it holds too much, %d braces, brackets and commas: make several objects of it, with no more than %d each", n, maxMarks)
	}
	return nil
}

func marks(raw []byte) (n int) {
	quoted := false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case !quoted && (c == '{' || c == '[' || c == ','):
			n++
		}
	}
	return n
}

// decode reads a JSON object. Numbers stay text, so that what passes through is not rounded.
func decode(raw []byte) (map[string]any, error) {
	if err := bounded(raw); err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, err
	}
	if object == nil {
		return nil, errors.New("the object is null")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more follows the object")
	}
	return object, nil
}
