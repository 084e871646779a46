package driver_test

import (
	"strings"
	"testing"

	"github.com/secretgate/secretgate/syncer/backend/driver"
)

func TestWordsAreBounded(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"a version id stays as it is":    {"0a1b2c3d-90ab-cdef-fedc-ba987example", "0a1b2c3d-90ab-cdef-fedc-ba987example"},
		"nothing stays nothing":          {"", ""},
		"128 characters, of any length":  {strings.Repeat("ü", 128), strings.Repeat("ü", 128)},
		"129 characters are cut":         {strings.Repeat("ü", 129), strings.Repeat("ü", 127) + "…"},
		"900 kB are cut":                 {strings.Repeat("x", 900<<10), strings.Repeat("x", 127) + "…"},
		"control characters":             {"a\nb\x1b[31mc\x00", "a?b?[31mc?"},
		"characters that turn the line":  {"a\u202eb\u200b", "a?b?"},
		"bytes that are no text":         {"a\xff", "a?"},
		"a cut does not split what is ?": {strings.Repeat("\x00", 200), strings.Repeat("?", 127) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := driver.Word(test.text); got != test.want {
				t.Errorf("got %d bytes %.200q, want %.200q", len(got), got, test.want)
			}
		})
	}
}
