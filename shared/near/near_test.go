package near

import (
	"strings"
	"testing"
)

func TestTypo(t *testing.T) {
	fields := []string{"data", "dataFrom", "isBinary", "key", "name", "path", "refreshInterval", "roleArn", "vaultRole", "version", "versionId"}
	for name, tc := range map[string]struct{ word, want string }{
		"two letters that changed places":  {"naem", "name"},
		"a letter that lacks":              {"vesion", "version"},
		"a letter too much":                {"dataa", "data"},
		"another letter":                   {"kay", "key"},
		"other capitals":                   {"ISBINARY", "isBinary"},
		"the spelling of another language": {"role_arn", "roleArn"},
		"the nearest of two":               {"versionIdx", "versionId"},
		"the word itself":                  {"path", "path"},
		"two edits of a long word":         {"refrehInterva", "refreshInterval"},
		"two edits of a short word":        {"dota2", ""},
		"a part of a word":                 {"interval", ""},
		"nothing near":                     {"remoteRef", ""},
		"nothing":                          {"", ""},
		"a word that is longer than all":   {strings.Repeat("version", 1000), ""},
		"a letter of more bytes than one":  {"nämé", ""},
		"three edits of seven letters":     {"roleXYZ", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Typo(tc.word, fields); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestName(t *testing.T) {
	fields := []string{"backendType", "data", "dataFrom", "key", "keyVaultName", "refreshInterval", "roleArn", "vaultRole"}
	for name, tc := range map[string]struct{ word, want string }{
		"a typo":                     {"daat", "data"},
		"the beginning of a name":    {"backend", "backendType"},
		"the end of a name":          {"Interval", "refreshInterval"},
		"the middle of a name":       {"vault_name", "keyVaultName"},
		"a part of several names":    {"role", ""},
		"too short to be a part":     {"arn", ""},
		"a name that a field begins": {"backendTypeOfAll", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Name(tc.word, fields); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestEdits(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		most int
		want int
	}{
		{"", "", 4, 0}, {"abc", "abc", 4, 0}, {"", "ab", 4, 2}, {"abc", "", 4, 3}, {"abcd", "abdc", 4, 1},
		{"kitten", "sitting", 4, 3}, {"kitten", "sitting", 2, 2}, {"abcdef", "", 3, 3}, {"ca", "abc", 4, 3},
	} {
		if got := Edits(tc.a, tc.b, tc.most); got != tc.want {
			t.Errorf("%q to %q: got %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}
