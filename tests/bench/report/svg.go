package report

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Chart is a drawing of panels, two in a row. Source is what there is to know of the numbers, in lines.
type Chart struct {
	Title  string
	Source []string
	Panels []Panel
}

// Panel compares a few values of one thing.
type Panel struct {
	Title string // with the unit, and which way is better
	Bars  []Bar
	// Wide has it take a row of its own, with room for notes.
	Wide bool
}

// Bar is one value. Ours stands out.
type Bar struct {
	Label string
	Value float64
	Ours  bool
	// Part is the share of the value at its begin, drawn paler; 0: none.
	Part float64
	// Note follows the value.
	Note string
}

const (
	chartWidth, chartHead, chartFoot = 760, 52, 20
	panelWidth, panelHead, barPitch  = 350, 34, 21
	barLeft, barRoom, barHeight      = 92, 190, 14
	wideRoom                         = 300
	panelGap, chartMargin, linePitch = 18, 20, 15
)

// style carries its own background, so that the drawing is readable on any page, and follows the reader's dark mode.
const style = `<style>
.card{fill:#fff;stroke:#d0d7de}.t{fill:#1f2328;font-weight:600}.l{fill:#59636e}.ours{fill:#1a7f5a}.other{fill:#aab4be}.part{fill-opacity:.5}
text{font:13px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}.h{font-size:16px}.s{font-size:11px}
@media (prefers-color-scheme:dark){.card{fill:#161b22;stroke:#30363d}.t{fill:#e6edf3}.l{fill:#9198a1}
.ours{fill:#3fb98a}.other{fill:#59636e}}
</style>
`

// SVG draws a chart. Bars of one panel share one scale that begins at zero.
func SVG(c Chart) string {
	at, rows := places(c.Panels)
	tallest := 0
	for _, p := range c.Panels {
		tallest = max(tallest, panelHead+len(p.Bars)*barPitch)
	}
	foot := chartHead + rows*(tallest+panelGap)
	height := foot + len(c.Source)*linePitch + chartFoot
	var s strings.Builder
	_, _ = fmt.Fprintf(&s,
		`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="%s">`+"\n",
		chartWidth, height, chartWidth, height, html.EscapeString(c.Title))
	s.WriteString(style)
	_, _ = fmt.Fprintf(&s, `<rect class="card" x=".5" y=".5" width="%d" height="%d" rx="8"/>`+"\n", chartWidth-1, height-1)
	_, _ = fmt.Fprintf(&s, `<text class="t h" x="%d" y="32">%s</text>`+"\n", chartMargin, html.EscapeString(c.Title))
	for i, p := range c.Panels {
		p.draw(&s, chartMargin+at[i].column*(panelWidth+chartMargin), chartHead+at[i].row*(tallest+panelGap))
	}
	for i, line := range c.Source {
		_, _ = fmt.Fprintf(&s, `<text class="l s" x="%d" y="%d">%s</text>`+"\n", chartMargin, foot+(i+1)*linePitch, html.EscapeString(line))
	}
	s.WriteString("</svg>\n")
	return s.String()
}

// place is where a panel is.
type place struct{ row, column int }

// places fills rows from the left. A wide panel begins a row, and so does what follows it.
func places(panels []Panel) (at []place, rows int) {
	next := place{}
	for _, p := range panels {
		if p.Wide && next.column > 0 {
			next = place{row: next.row + 1}
		}
		at, rows = append(at, next), next.row+1
		if p.Wide || next.column > 0 {
			next = place{row: next.row + 1}
		} else {
			next.column = 1
		}
	}
	return at, rows
}

func (p Panel) draw(s *strings.Builder, x, y int) {
	_, _ = fmt.Fprintf(s, `<text class="t" x="%d" y="%d">%s</text>`+"\n", x, y+18, html.EscapeString(p.Title))
	most, room := 0.0, float64(barRoom)
	if p.Wide {
		room = wideRoom
	}
	for _, b := range p.Bars {
		most = max(most, b.Value)
	}
	for i, b := range p.Bars {
		scale := 0.0
		if most > 0 {
			scale = room / most
		}
		b.draw(s, x, y+panelHead-6+i*barPitch, scale)
	}
}

func (b Bar) draw(s *strings.Builder, x, top int, scale float64) {
	class := "other"
	if b.Ours {
		class = "ours"
	}
	length := max(1.5, b.Value*scale) // nothing is drawn as a hairline
	_, _ = fmt.Fprintf(s, `<text class="l" x="%d" y="%d" text-anchor="end">%s</text>`,
		x+barLeft-8, top+barHeight-2, html.EscapeString(b.Label))
	begin := float64(x + barLeft)
	rest, left := length, begin
	if b.Part > 0 {
		part := b.Part * scale
		_, _ = fmt.Fprintf(s, `<rect class="%s part" x="%.1f" y="%d" width="%.1f" height="%d"/>`, class, begin, top, part, barHeight)
		rest, left = length-part, begin+part
	}
	_, _ = fmt.Fprintf(s, `<rect class="%s" x="%g" y="%d" width="%.1f" height="%d" rx="2"/>`,
		class, math.Round(left*10)/10, top, rest, barHeight)
	_, _ = fmt.Fprintf(s, `<text class="t" x="%.1f" y="%d">%s</text>`, begin+length+6, top+barHeight-2, Number(b.Value))
	if b.Note != "" {
		const digit = 8 // the width of one, about
		_, _ = fmt.Fprintf(s, `<text class="l" x="%.1f" y="%d">%s</text>`,
			begin+length+14+float64(digit*len(Number(b.Value))), top+barHeight-2, html.EscapeString(b.Note))
	}
	s.WriteString("\n")
}
