package text_test

import (
	"testing"

	"github.com/secretgate/secretgate/shared/text"
)

func TestCutCountsCharacters(t *testing.T) {
	for _, test := range []struct {
		text string
		most int
		want string
	}{
		{"", 3, ""}, {"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"äöü", 3, "äöü"}, {"äöüß", 3, "äö…"}, {"ab", 1, "…"}, {"a", 1, "a"},
		{"\xff\xfe\xfd\xfc", 3, "\xff\xfe…"},
	} {
		if got := text.Cut(test.text, test.most); got != test.want {
			t.Errorf("%q to at most %d: got %q, want %q", test.text, test.most, got, test.want)
		}
	}
}

func TestPrintableEscapesWhatATerminalActsOn(t *testing.T) {
	for given, want := range map[string]string{"äb c": "äb c", "a\nb": `a\nb`, "\x1b[31mred": `\x1b[31mred`} {
		if got := text.Printable(given); got != want {
			t.Errorf("%q: got %q, want %q", given, got, want)
		}
	}
}
