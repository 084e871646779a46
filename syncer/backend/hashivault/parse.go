package hashivault

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault/wire"
)

// answer is what both versions of the engine send around a secret. The secret itself stays raw: decoded and encoded again it
// would lose digits of numbers and the order of keys.
type answer struct {
	Data     json.RawMessage `json:"data"`
	Warnings []string        `json:"warnings"`
	Errors   []string        `json:"errors"`
}

// versioned is what version 2 of the engine wraps around a secret.
type versioned struct {
	Data     json.RawMessage `json:"data"`
	Metadata json.RawMessage `json:"metadata"`
}

// metadata is what counts of a version's.
type metadata struct {
	Version      json.Number `json:"version"`
	DeletionTime string      `json:"deletion_time"`
	Destroyed    bool        `json:"destroyed"`
}

// unwrap takes the data of an answer apart; false: it is none of version 2.
func unwrap(data json.RawMessage) (inner versioned, of metadata, ok bool) {
	if len(data) == 0 || json.Unmarshal(data, &inner) != nil || isNull(inner.Metadata) {
		return inner, of, false
	}
	return inner, of, json.Unmarshal(inner.Metadata, &of) == nil
}

// parse finds the value of a read in the body of a successful answer. Errors never quote the body.
func parse(body []byte, read plan.Read) (driver.Value, error) {
	var outer answer
	if json.Unmarshal(body, &outer) != nil {
		return driver.Value{}, wire.ErrGarbage
	}
	if read.EngineVersion == 1 {
		if isVersioned(outer.Data) {
			return driver.Value{}, errIsKV2
		}
		return value(outer.Data)
	}
	inner, of, ok := unwrap(outer.Data)
	switch {
	case !ok || of.Version == "":
		return driver.Value{}, errNotKV2
	case read.Version != "" && of.Version.String() != read.Version:
		return driver.Value{}, driver.ErrOther
	case of.Destroyed, of.DeletionTime != "" && isNull(inner.Data):
		return driver.Value{}, deleted(read.Version)
	}
	found, err := value(inner.Data)
	if err != nil {
		return driver.Value{}, err
	}
	found.Version, found.Metadata = of.Version.String(), inner.Metadata
	return found, nil
}

// isVersioned recognises what version 2 wraps around a secret: data and metadata, nothing else, and in the latter what each version has.
// As a value of version 1 it would become two entries that the object does not ask for.
func isVersioned(data json.RawMessage) bool {
	var members, metadata map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil || len(members) != 2 || members["data"] == nil {
		return false
	}
	if json.Unmarshal(members["metadata"], &metadata) != nil {
		return false
	}
	for _, name := range []string{"created_time", "deletion_time", "destroyed", "version"} {
		if _, ok := metadata[name]; !ok {
			return false
		}
	}
	return true
}

// value is the secret itself.
func value(data json.RawMessage) (driver.Value, error) {
	if isNull(data) {
		return driver.Value{}, errEmpty
	}
	var compact bytes.Buffer
	if json.Compact(&compact, data) != nil {
		return driver.Value{}, wire.ErrGarbage
	}
	return driver.Value{Data: unescape(compact.Bytes())}, nil
}

func isNull(data json.RawMessage) bool {
	return len(data) == 0 || bytes.Equal(data, []byte("null"))
}

// unescape writes the characters that Go's encoder escapes for the sake of HTML and JavaScript as themselves: to users, who
// may take the whole text for a value, they never were escaped. Other escapes stay.
func unescape(text []byte) []byte {
	plain := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			plain = append(plain, text[i])
			continue
		}
		if i+6 <= len(text) {
			if char, ok := needless(string(text[i : i+6])); ok {
				plain = append(plain, char...)
				i += 5
				continue
			}
		}
		plain = append(plain, text[i], text[i+1])
		i++
	}
	return plain
}

func needless(escape string) (string, bool) {
	switch escape {
	case `\u003c`:
		return "<", true
	case `\u003e`:
		return ">", true
	case `\u0026`:
		return "&", true
	case `\u2028`:
		return "\u2028", true
	case `\u2029`:
		return "\u2029", true
	}
	return "", false
}

// notFound makes an error of the body of a 404, where a version was asked for or the current one. Only what Vault says of the secret itself
// proves that it is not there: a version that was deleted comes with its metadata, and a secret that is none with an empty list of errors.
// A path that leads to no engine comes with an error, and one that lacks data/ with a warning. A proxy says 404, too.
func notFound(body []byte, version string) error {
	var outer answer
	if json.Unmarshal(body, &outer) != nil {
		return wire.ErrGarbage
	}
	if _, _, ok := unwrap(outer.Data); ok {
		return deleted(version)
	}
	if said := slices.Concat(outer.Errors, outer.Warnings); len(said) > 0 {
		return &pathError{said}
	}
	if outer.Errors == nil {
		return wire.ErrGarbage
	}
	return &notFoundError{version}
}
