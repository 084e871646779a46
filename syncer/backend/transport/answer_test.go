package transport

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestAnswersAreBounded(t *testing.T) {
	for name, test := range map[string]struct {
		answer io.Reader
		want   string
		err    error
	}{
		"a short one":                        {strings.NewReader("abc"), "abc", nil},
		"one that is just as long as may be": {strings.NewReader("abcde"), "abcde", nil},
		"one that is too long by a byte":     {strings.NewReader("abcdef"), "abcde", ErrTooLong},
		"one that is much too long":          {strings.NewReader(strings.Repeat("x", 1<<20)), "xxxxx", ErrTooLong},
		"one that comes byte by byte":        {iotest.OneByteReader(strings.NewReader("abcdef")), "abcde", ErrTooLong},
		"one that is cut":                    {iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("ab"))), "a", iotest.ErrTimeout},
		"one whose end comes with its data":  {iotest.DataErrReader(strings.NewReader("abcde")), "abcde", nil},
	} {
		t.Run(name, func(t *testing.T) {
			answer := Bound(io.NopCloser(test.answer), 5)
			got, err := io.ReadAll(answer)
			if string(got) != test.want || !errors.Is(err, test.err) {
				t.Errorf("got %q and %v, want %q and %v", got, err, test.want, test.err)
			}
			if n, again := answer.Read(make([]byte, 10)); test.err != nil && (n != 0 || again == nil) && !errors.Is(test.err, iotest.ErrTimeout) {
				t.Errorf("another read gives %d bytes and %v", n, again)
			}
		})
	}
}
