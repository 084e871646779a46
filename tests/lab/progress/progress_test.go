package progress

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestScreen(t *testing.T) {
	cases := []struct {
		name  string
		width int
		use   func(s *Screen, pass func(time.Duration))
		want  string
	}{
		{"a terminal replaces what it shows by the next line", 40, func(s *Screen, _ func(time.Duration)) {
			s.Show("etcd 1s")
			s.Show("etcd 2s")
		}, "etcd 1s\r\x1b[Ketcd 2s"},
		{"a line that stays replaces what a terminal shows", 40, func(s *Screen, _ func(time.Duration)) {
			s.Show("etcd 1s")
			_, _ = fmt.Fprintln(s, "etcd built")
			_, _ = fmt.Fprintln(s, "vault built")
		}, "etcd 1s\r\x1b[Ketcd built\nvault built\n"},
		{"a terminal shows one row of a long line", 6, func(s *Screen, _ func(time.Duration)) { s.Show("zwölf Zeichen") }, "zwöl…"},
		{"a file receives the lines that stay", 0, func(s *Screen, _ func(time.Duration)) {
			s.Show("etcd 1s")
			_, _ = fmt.Fprintln(s, "etcd built")
		}, "etcd built\n"},
		{"a file receives a shown line after a minute without one", 0, func(s *Screen, pass func(time.Duration)) {
			_, _ = fmt.Fprintln(s, "start")
			s.Show("etcd 0s")
			pass(time.Minute)
			s.Show("etcd 60s")
			pass(time.Second)
			s.Show("etcd 61s")
		}, "start\netcd 60s\n"},
		{"a file receives no shown line before the first minute is over", 0, func(s *Screen, _ func(time.Duration)) { s.Show("etcd 0s") }, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			now := time.Unix(0, 0)
			var out bytes.Buffer
			s := &Screen{Out: &out, Width: c.width, Now: func() time.Time { return now }}
			c.use(s, func(d time.Duration) { now = now.Add(d) })
			if diff := cmp.Diff(c.want, out.String()); diff != "" {
				t.Errorf("shown (-want +got):\n%s", diff)
			}
		})
	}
}

func TestShowLeavesOtherWritersAlone(t *testing.T) {
	var out bytes.Buffer
	Show(&out, "etcd 1s")
	if out.Len() > 0 {
		t.Errorf("got %q, want nothing", out.String())
	}
}
