package admit

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// decode reads a JSON object. Numbers stay text, so that what passes through is not rounded.
func decode(raw []byte) (map[string]any, error) {
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
