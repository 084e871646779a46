package backendtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/syncer/backend/driver"
)

func (s *suite) values(t *testing.T) {
	r := s.reader(s.New(t))
	for name, text := range map[string]string{
		"a short text":                          canary,
		"a text with a newline at its end":      canary + "\n",
		"a text of many lines and tabs":         canary + "\r\n\tsecond\n\n\tthird",
		"a text beyond ASCII":                   canary + " Grüße, 世界, 🔑, \u2028",
		"a text with HTML, quotes and slashes":  canary + ` <a href="x">&amp;</a> \ / ' \u003c`,
		"a text that looks like base64":         "Y2FuYXJ5LTdjMWYyYi1kby1ub3Qtc2hvdw==",
		"a text that looks like a number":       "12345678901234567890",
		"the largest text":                      strings.Repeat(canary+" ", cmp.Or(s.LargestText, 60<<10)/len(canary+" ")),
		"a text with white space at both ends ": "  " + canary + "  ",
	} {
		t.Run(name+" is read byte for byte", func(t *testing.T) {
			s.put(t, 0, "text", text)
			got, value := r.text(t, "text")
			equal(t, name, got, text)
			if value.Bytes {
				t.Error("a text is marked as Bytes")
			}
		})
	}
	t.Run("a JSON object keeps its numbers and characters", func(t *testing.T) {
		numbers := []any{"12345678901234567890", "1.50", "-0.1e-7"}
		if s.InexactNumbers {
			numbers = []any{"1234567890123", "1.5", "-1e-8"}
		}
		object := fmt.Sprintf(`{"a":%s,"b":%s,"c":{"y":[true,null,%s],"z":"<`+canary+`&> ü"},"d":""}`, numbers...)
		s.PutJSON(t, s.Key(0, "json"), object)
		value, err := r.get(t.Context(), s.Stores[0], s.Key(0, "json"))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "the object", string(value.Data), object)
	})
	t.Run("bytes are read as bytes, where there are any", func(t *testing.T) {
		if s.PutBinary == nil {
			return // asserted above: no text is marked as Bytes
		}
		content := []byte("\x00\x01\xff\xfe" + canary + "\x00")
		s.PutBinary(t, s.Key(0, "binary"), content)
		value, err := r.get(t.Context(), s.Stores[0], s.Key(0, "binary"))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "the bytes", string(value.Data), string(content))
		if !value.Bytes {
			t.Error("bytes are not marked as Bytes")
		}
	})
}

func (s *suite) versions(t *testing.T) {
	r := s.reader(s.New(t))
	s.put(t, 0, "rotated", canary+"1")
	_, first := r.text(t, "rotated")

	t.Run("a version is reported, where there are any", func(t *testing.T) {
		if (first.Version == "") != s.Unversioned {
			t.Errorf("the version is %q and Unversioned is %t", first.Version, s.Unversioned)
		}
	})
	t.Run("what is said of a value is a JSON object, where there is any", func(t *testing.T) {
		if members := map[string]any{}; s.Described && json.Unmarshal(first.Metadata, &members) != nil || !s.Described && first.Metadata != nil {
			t.Errorf("the metadata has %d bytes with %d members, and Described is %t", len(first.Metadata), len(members), s.Described)
		}
	})
	t.Run("what has not changed is the same version", func(t *testing.T) {
		got, again := r.text(t, "rotated")
		equal(t, "the version", again.Version, first.Version)
		equal(t, "the value", got, canary+"1")
		equal(t, "the metadata", string(again.Metadata), string(first.Metadata))
	})
	t.Run("a rotated value arrives with another version", func(t *testing.T) {
		s.put(t, 0, "rotated", canary+"2")
		got, value := r.text(t, "rotated")
		equal(t, "the value", got, canary+"2")
		if !s.Unversioned && (value.Version == "" || value.Version == first.Version) {
			t.Errorf("the version is %q, and was %q before", value.Version, first.Version)
		}
		if s.Described && bytes.Equal(value.Metadata, first.Metadata) {
			t.Error("the metadata is that of the version before")
		}
	})
	t.Run("a deleted secret is not found, and is read again once it is back", func(t *testing.T) {
		s.Delete(t, s.Key(0, "rotated"))
		_, err := r.get(t.Context(), s.Stores[0], s.Key(0, "rotated"))
		wantKind(t, err, driver.NotFound)
		s.put(t, 0, "rotated", canary+"3")
		got, _ := r.text(t, "rotated")
		equal(t, "the value", got, canary+"3")
	})
}
