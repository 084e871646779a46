package render

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

func TestDecoding(t *testing.T) {
	for _, tc := range []struct {
		name     string
		decoding plan.Decoding
		value    string
		want     string
		problem  string
	}{
		{"no decoding", plan.NoDecoding, "aGk=", "aGk=", ""},
		{"base64", plan.Base64, "/+8=", "\xff\xef", ""},
		{"base64 with line ends", plan.Base64, "aGVs\r\nbG8=\n", "hello", ""},
		{"nothing", plan.Base64, "", "", ""},
		{"base64 of the other alphabet", plan.Base64, "_-8=planted", "", "the value of k cannot be decoded as isBinary says: base64 has letters, digits, + and /, and is padded with =: remove isBinary, or store it so"},
		{"base64 without its padding", plan.Base64, "aGk", "", "the value of k cannot be decoded as isBinary says: base64 has letters, digits, + and /, and is padded with =: remove isBinary, or store it so"},
		{"base64 for URLs", plan.Base64URL, "_-8=", "\xff\xef", ""},
		{"base64 for URLs of the other alphabet", plan.Base64URL, "/+8=", "", "the value of k cannot be decoded as isBinary says: base64 for URLs has letters, digits, - and _, and is padded with =: remove isBinary, or store it so"},
		{"auto finds base64", plan.AutoDecode, "/+8=", "\xff\xef", ""},
		{"auto finds base64 for URLs", plan.AutoDecode, "_-8=", "\xff\xef", ""},
		{"auto leaves other text as it is", plan.AutoDecode, "pass word", "pass word", ""},
		{"auto takes text of four letters for base64, as in ESO", plan.AutoDecode, "abcd", "i\xb7\x1d", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := dataEntry("k")
			e.Decoding = tc.decoding
			secret, errs := Render(t.Context(), entries(e), read(map[string]string{"k": tc.value}), nil, nil)
			if tc.problem != "" {
				if secret != nil || len(errs) != 1 || errs[0].Problem != tc.problem {
					t.Errorf("got %v and the errors %v, want %q", secret, errs, tc.problem)
				}
				return
			}
			if len(errs) > 0 || string(secret.Data["n"]) != tc.want {
				t.Errorf("got %q and the errors %v, want %q", secret.Data["n"], errs, tc.want)
			}
		})
	}
}

// TestDecodingReachesAllThatAnEntryMakes decodes members, the values of a walk, and bytes of the backend, and then looks for zeros.
func TestDecodingReachesAllThatAnEntryMakes(t *testing.T) {
	members := fromEntry("spec.dataFrom[0]", "k")
	tree := plan.Entry{Kind: plan.Tree, Field: "spec.data[0]", Source: plan.Source{Read: plan.Read{Key: "/p", Path: true}}}
	named := extract(plan.Naming{Conversion: plan.Underscore})
	property := gjsonEntry("a.b")
	walked := Values{tree.Source: {{Name: "/p/a", Data: []byte("aAA="), Bytes: true}}}
	for _, tc := range []struct {
		name    string
		entry   plan.Entry
		values  Values
		want    map[string]string
		problem string // with NoNUL
	}{
		{"a value", dataEntry("k"), Values{dataEntry("k").Source: []driver.Value{{Data: []byte("aAA="), Bytes: true}}}, map[string]string{"n": "h\x00"}, "the value of k"},
		{"a property", property, read(map[string]string{"k": `{"a":{"b":"aAA="}}`}), map[string]string{"n": "h\x00"}, "property a.b of k"},
		{"members", members, read(map[string]string{"k": `{"a":"aAA="}`}), map[string]string{"a": "h\x00"}, "the member a of k"},
		{"members by their Naming", named, read(map[string]string{"k": `{"a/":"aAA="}`}), map[string]string{"a_": "h\x00"}, "the value of the entry a_"},
		{"values of a walk", tree, walked, map[string]string{"a": "h\x00"}, "the value of /p/a"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.entry.Decoding = plan.Base64
			secret, errs := Render(t.Context(), entries(tc.entry), tc.values, nil, nil)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			if diff := cmp.Diff(tc.want, texts(secret.Data)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			tc.entry.NoNUL = true
			secret, errs = Render(t.Context(), entries(tc.entry), tc.values, nil, nil)
			want := tc.problem + " has a byte of zero, which this entry refuses: store it without, or let the entry accept it"
			if secret != nil || len(errs) != 1 || errs[0].Problem != want {
				t.Errorf("got %v and the errors %v, want %q", secret, errs, want)
			}
		})
	}
}

func TestAMemberThatCannotBeDecodedIsNamedAndItsValueIsNot(t *testing.T) {
	e := fromEntry("spec.dataFrom[0]", "k")
	e.Decoding = plan.Base64
	_, errs := Render(t.Context(), entries(e), read(map[string]string{"k": `{"a":"aGk=","b":"planted!"}`}), nil, nil)
	if len(errs) != 1 || !strings.HasPrefix(errs[0].Problem, "the member b of k cannot be decoded") || strings.Contains(errs[0].Problem, "planted") {
		t.Errorf("got %v, want one error that names b, and not its value", errs)
	}
}
