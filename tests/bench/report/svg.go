package report

import (
	"fmt"
	"html"
	"strings"
)

// Chart is a drawing of panels, two in a row.
type Chart struct {
	Title, Source string
	Panels        []Panel
}

// Panel compares a few values of one thing.
type Panel struct {
	Title string // with the unit, and which way is better
	Bars  []Bar
}

// Bar is one value. Ours stands out.
type Bar struct {
	Label string
	Value float64
	Ours  bool
}

const (
	chartWidth, chartHead, chartFoot = 760, 52, 34
	panelWidth, panelHead, barPitch  = 350, 34, 21
	barLeft, barRoom, barHeight      = 92, 190, 14
	panelGap, chartMargin            = 18, 20
)

// style carries its own background, so that the drawing is readable on any page, and follows the reader's dark mode.
const style = `<style>
.card{fill:#fff;stroke:#d0d7de}.t{fill:#1f2328;font-weight:600}.l{fill:#59636e}.ours{fill:#1a7f5a}.other{fill:#aab4be}
text{font:13px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}.h{font-size:16px}.s{font-size:11px}
@media (prefers-color-scheme:dark){.card{fill:#161b22;stroke:#30363d}.t{fill:#e6edf3}.l{fill:#9198a1}
.ours{fill:#3fb98a}.other{fill:#59636e}}
</style>
`

// SVG draws a chart. Bars of one panel share one scale that begins at zero.
func SVG(c Chart) string {
	rows := (len(c.Panels) + 1) / 2
	tallest := 0
	for _, p := range c.Panels {
		tallest = max(tallest, panelHead+len(p.Bars)*barPitch)
	}
	height := chartHead + rows*(tallest+panelGap) + chartFoot
	var s strings.Builder
	_, _ = fmt.Fprintf(&s,
		`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="%s">`+"\n",
		chartWidth, height, chartWidth, height, html.EscapeString(c.Title))
	s.WriteString(style)
	_, _ = fmt.Fprintf(&s, `<rect class="card" x=".5" y=".5" width="%d" height="%d" rx="8"/>`+"\n", chartWidth-1, height-1)
	_, _ = fmt.Fprintf(&s, `<text class="t h" x="%d" y="32">%s</text>`+"\n", chartMargin, html.EscapeString(c.Title))
	for i, p := range c.Panels {
		p.draw(&s, chartMargin+i%2*(panelWidth+chartMargin), chartHead+i/2*(tallest+panelGap))
	}
	_, _ = fmt.Fprintf(&s, `<text class="l s" x="%d" y="%d">%s</text>`+"\n</svg>\n", chartMargin, height-14, html.EscapeString(c.Source))
	return s.String()
}

func (p Panel) draw(s *strings.Builder, x, y int) {
	_, _ = fmt.Fprintf(s, `<text class="t" x="%d" y="%d">%s</text>`+"\n", x, y+18, html.EscapeString(p.Title))
	most := 0.0
	for _, b := range p.Bars {
		most = max(most, b.Value)
	}
	for i, b := range p.Bars {
		top := y + panelHead - 6 + i*barPitch
		class, length := "other", 1.5 // nothing is drawn as a hairline
		if b.Ours {
			class = "ours"
		}
		if most > 0 {
			length = max(length, b.Value/most*barRoom)
		}
		_, _ = fmt.Fprintf(s, `<text class="l" x="%d" y="%d" text-anchor="end">%s</text>`,
			x+barLeft-8, top+barHeight-2, html.EscapeString(b.Label))
		_, _ = fmt.Fprintf(s, `<rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>`, class, x+barLeft, top, length, barHeight)
		_, _ = fmt.Fprintf(s, `<text class="t" x="%.1f" y="%d">%s</text>`+"\n", float64(x+barLeft)+length+6, top+barHeight-2, Number(b.Value))
	}
}
