package render

import (
	"errors"
	"testing"
)

func TestBase64IsStrict(t *testing.T) {
	for _, tc := range []struct {
		name, text, want string
		err              error
	}{
		{"the standard alphabet", "/+8=", "\xff\xef", nil},
		{"the alphabet for URLs", "_-8=", "\xff\xef", nil},
		{"two bytes that need no =", "aGVsbG8h", "hello!", nil},
		{"line ends, wherever they are", "\r\naGVs\nbG8\n=\n", "hello", nil},
		{"nothing", "", "", nil},
		{"both alphabets", "_+8=", "", errAlphabets},
		{"no = where one is needed", "/+8", "", errPadding},
		{"no = where two are needed", "/w", "", errPadding},
		{"one = where two are needed", "/w=", "", errPadding},
		{"one = too many", "/+8==", "", errPadding},
		{"a line of =", "aGVsbG8h====", "", errPadding},
		{"four = alone", "====", "", errPadding},
		{"= in between", "aGk=aGk=", "", errCharacters},
		{"a length that no bytes have", "aGVsb", "", errPadding},
		{"bits that no byte takes", "/+9=", "", errSpareBits},
		{"bits that no byte takes, of four", "/x==", "", errSpareBits},
		{"a sentence", "a secret in plain words!", "", errCharacters},
		{"a word whose letters base64 has", "planted", "", errPadding},
		{"spaces", "aGVs bG8=", "", errCharacters},
		{"a space in front", " aGVsbG8=", "", errCharacters},
		{"letters that base64 has not", "aGVsbGä=", "", errCharacters},
		{"bytes", "\xff\xfe\x00\x01", "", errCharacters},
		{"PEM", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "", errPEM},
		{"PEM after an empty line", "\n-----BEGIN RSA PRIVATE KEY-----\n", "", errPEM},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := decodeBase64([]byte(tc.text))
			if string(got) != tc.want || !errors.Is(err, tc.err) {
				t.Errorf("got %q and %v, want %q and %v", got, err, tc.want, tc.err)
			}
		})
	}
}
