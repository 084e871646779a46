package digest

import "testing"

func TestDigestsDiffer(t *testing.T) {
	m := NewMaker()
	of := func(parts ...string) Digest {
		var all [][]byte
		for _, part := range parts {
			all = append(all, []byte(part))
		}
		return m.Of(all...)
	}
	first := of("a", "b")
	for _, tc := range []struct {
		name string
		got  Digest
		same bool
	}{
		{"the same parts", of("a", "b"), true},
		{"another order", of("b", "a"), false},
		{"other borders", of("ab", ""), false},
		{"one part", of("ab"), false},
		{"an empty part more", of("a", "b", ""), false},
		{"another value", of("a", "c"), false},
		{"those of another key", NewMaker().Of([]byte("a"), []byte("b")), false},
	} {
		if same := tc.got == first; same != tc.same {
			t.Errorf("%s have the digest of the first ones: got %v, want %v", tc.name, same, tc.same)
		}
	}
}
