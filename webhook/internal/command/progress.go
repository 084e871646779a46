package command

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// IsTerminal reports whether a writer is a terminal.
func IsTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// progressLine shows on a terminal how far a check is.
type progressLine struct {
	to      io.Writer
	program string
	shown   bool
}

// progressStep keeps the line from costing more than the check.
const progressStep = 100

func (l *progressLine) show(documents int) {
	if documents%progressStep == 0 {
		l.shown = true
		_, _ = fmt.Fprintf(l.to, "\r%s: %d documents", l.program, documents) // a lost line of progress does no harm
	}
}

func (l *progressLine) end() {
	if l.shown {
		_, _ = fmt.Fprint(l.to, "\r\x1b[K")
	}
}
