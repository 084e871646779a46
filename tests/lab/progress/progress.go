// Package progress shows what takes minutes: lines that stay and, on a terminal, one that is replaced by the next.
package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// Shower is a writer of lines that can also show what goes on now.
type Shower interface {
	io.Writer
	// Show shows a line, without an end of line, until anything else is shown or written.
	Show(line string)
}

// Show shows a line where w is a Shower. Other writers receive lines that stay alone.
func Show(w io.Writer, line string) {
	if s, ok := w.(Shower); ok {
		s.Show(line)
	}
}

// quiet is how long a Screen that is no terminal shows nothing while something goes on.
const quiet = time.Minute

// Screen is a Shower for people. Its zero value writes to nothing that it could: Out is required.
type Screen struct {
	Out io.Writer
	// Width is the terminal's, in columns. 0 says that Out is no terminal: then a shown line is written now and then, as any other.
	Width int
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	mu    sync.Mutex
	shown bool      // a line that the next one replaces
	last  time.Time // when Out last received a line
}

// NewScreen makes a Screen of a file such as os.Stdout.
func NewScreen(out *os.File) *Screen {
	s := &Screen{Out: out}
	if width, _, err := term.GetSize(int(out.Fd())); err == nil && os.Getenv("TERM") != "dumb" {
		s.Width = width
	}
	return s
}

// Write writes lines that stay.
func (s *Screen) Write(lines []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	s.last = s.now()
	return s.Out.Write(lines)
}

// Show implements Shower.
func (s *Screen) Show(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch now := s.now(); {
	case s.Width > 0:
		s.clear()
		s.shown = true
		_, _ = io.WriteString(s.Out, cut(line, s.Width-1))
	case s.last.IsZero():
		s.last = now
	case now.Sub(s.last) >= quiet:
		s.last = now
		_, _ = fmt.Fprintln(s.Out, line)
	}
}

// clear removes the shown line: to the start of the line, then everything up to its end.
func (s *Screen) clear() {
	if s.shown {
		_, _ = io.WriteString(s.Out, "\r\x1b[K")
		s.shown = false
	}
}

func (s *Screen) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// cut keeps a line on one row of the terminal, which could not be cleared otherwise.
func cut(line string, width int) string {
	runes := []rune(line)
	if len(runes) <= width {
		return line
	}
	return string(runes[:max(0, width-1)]) + "…"
}
