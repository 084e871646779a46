package crypt_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/dialect/sealed/crypt"
)

func newKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func seal(t testing.TB, key *rsa.PrivateKey, value, label string) []byte {
	t.Helper()
	sealed, err := crypt.Seal(&key.PublicKey, []byte(value), label)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestAValueIsOpenedByItsKeyUnderItsLabel(t *testing.T) {
	key := newKey(t, 2048)
	for name, value := range map[string]string{
		"a text": "planted!", "an empty value": "", "bytes that are no text": "\x00\xff\x02", "a large value": strings.Repeat("x", 1<<20),
	} {
		for _, label := range []string{"", "core", "core/db"} {
			sealed := seal(t, key, value, label)
			if want := len(value) + key.Size() + 18; len(sealed) != want {
				t.Errorf("%s: got %d bytes, want %d", name, len(sealed), want)
			}
			if got := crypt.Modulus(sealed); got != key.Size() {
				t.Errorf("%s: got a modulus of %d bytes, want %d", name, got, key.Size())
			}
			got, err := crypt.Open(key, sealed, label)
			if err != nil || string(got) != value {
				t.Errorf("%s, label %q: got %d bytes and error %v, want %d bytes", name, label, len(got), err, len(value))
			}
		}
	}
}

func TestEachSealIsAnother(t *testing.T) {
	key := newKey(t, 2048)
	if bytes.Equal(seal(t, key, "same", "core/db"), seal(t, key, "same", "core/db")) {
		t.Error("got the same bytes twice, want a new key for each value")
	}
}

func TestWhatIsMalformedOrNotForTheKeyIsNotOpened(t *testing.T) {
	key, other, larger := newKey(t, 2048), newKey(t, 2048), newKey(t, 3072)
	sealed := seal(t, key, "planted!", "core/db")
	changed := func(at int) []byte {
		c := bytes.Clone(sealed)
		c[at] ^= 1
		return c
	}
	length := func(n uint16) []byte {
		c := bytes.Clone(sealed)
		binary.BigEndian.PutUint16(c, n)
		return c
	}
	for name, test := range map[string]struct {
		key    *rsa.PrivateKey
		sealed []byte
		label  string
		want   error
	}{
		"nothing":                        {key, nil, "core/db", crypt.ErrMalformed},
		"half of the length":             {key, sealed[:1], "core/db", crypt.ErrMalformed},
		"the length alone":               {key, sealed[:2], "core/db", crypt.ErrMalformed},
		"a wrapped key that is cut off":  {key, sealed[:100], "core/db", crypt.ErrMalformed},
		"a wrapped key alone":            {key, sealed[:2+256], "core/db", crypt.ErrMalformed},
		"a tag that is cut off":          {key, sealed[:2+256+15], "core/db", crypt.ErrMalformed},
		"a length of nothing":            {key, length(0), "core/db", crypt.ErrMalformed},
		"a length beyond the end":        {key, length(65535), "core/db", crypt.ErrMalformed},
		"a length of another key":        {key, length(255), "core/db", crypt.ErrKey},
		"a value that is cut off":        {key, sealed[:len(sealed)-1], "core/db", crypt.ErrKey},
		"a value with bytes behind it":   {key, append(bytes.Clone(sealed), 0), "core/db", crypt.ErrKey},
		"a value that was changed":       {key, changed(2 + 256), "core/db", crypt.ErrKey},
		"a wrapped key that was changed": {key, changed(2), "core/db", crypt.ErrKey},
		"a tag that was changed":         {key, changed(len(sealed) - 1), "core/db", crypt.ErrKey},
		"the label of another object":    {key, sealed, "core/other", crypt.ErrKey},
		"the label of another namespace": {key, sealed, "prod/db", crypt.ErrKey},
		"no label":                       {key, sealed, "", crypt.ErrKey},
		"another key":                    {other, sealed, "core/db", crypt.ErrKey},
		"a key of another length":        {larger, sealed, "core/db", crypt.ErrKey},
		"text":                           {key, []byte(strings.Repeat("text", 100)), "core/db", crypt.ErrMalformed},
	} {
		got, err := crypt.Open(test.key, test.sealed, test.label)
		if got != nil || !errors.Is(err, test.want) {
			t.Errorf("%s: got %d bytes and error %v, want %v", name, len(got), err, test.want)
		}
	}
}

func FuzzOpen(f *testing.F) {
	key := newKey(f, 2048)
	sealed := seal(f, key, "planted!", "core/db")
	for _, seed := range [][]byte{nil, {1}, {1, 0}, sealed, sealed[:200], sealed[:2+256], append([]byte{2, 0}, sealed[2:]...)} {
		f.Add(seed, "core/db")
	}
	f.Fuzz(func(t *testing.T, input []byte, label string) {
		got, err := crypt.Open(key, input, label)
		if (err == nil) != (bytes.Equal(input, sealed) && label == "core/db") {
			t.Errorf("got %d bytes and error %v", len(got), err)
		}
		if n := crypt.Modulus(input); n < 0 || n > len(input) {
			t.Errorf("got a modulus of %d bytes of %d", n, len(input))
		}
	})
}

// BenchmarkOpen is mostly RSA's private operation, which each value takes: it has a key of its own.
func BenchmarkOpen(b *testing.B) {
	for _, bits := range []int{2048, 4096} {
		key := newKey(b, bits)
		sealed := seal(b, key, "planted!", "core/db")
		b.Run(strconv.Itoa(bits), func(b *testing.B) {
			for b.Loop() {
				if _, err := crypt.Open(key, sealed, "core/db"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
