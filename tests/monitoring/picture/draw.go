package picture

import (
	"fmt"
	"html"
	"strings"
)

// The grid, in pixels.
const (
	column, line = 44, 22
	gap          = 6
	margin       = 12
	head         = 40
	width        = 24*column + 2*margin
)

// style carries its own background, so that the drawing is readable on any page, and follows the reader's dark mode.
const style = `<style>
.page{fill:#f4f5f5}.card{fill:#fff;stroke:#dfe1e3}.t{fill:#24292e;font-weight:600}.l{fill:#5f6670}.grid{stroke:#e6e8ea}
.green{fill:#1a7f37}.red{fill:#cf222e}.orange,.yellow{fill:#bf5b04}
text{font:11px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}
.h{font-size:15px}.v{font-size:30px;font-weight:600}.s{font-size:10px}
@media (prefers-color-scheme:dark){
.page{fill:#111217}.card{fill:#181b1f;stroke:#2c3235}.t{fill:#e6e9ee}.l{fill:#9aa2ad}.grid{stroke:#2c3235}
.green{fill:#73bf69}.red{fill:#f2495c}.orange,.yellow{fill:#ff9830}}
</style>
`

// palette is the order of the series' colours, readable on a light page and on a dark one.
var palette = []string{"#56a64b", "#e0a008", "#3b82d6", "#e0752d", "#d64545", "#a352cc", "#2aa198", "#8a6d3b", "#7f8c99", "#c2558f"}

// frame is where a panel's content goes.
type frame struct{ x, y, w, h float64 }

// Place is a panel's rectangle as SVG has it.
func (p Panel) Place() string {
	f := p.frame()
	return fmt.Sprintf(`x="%g" y="%g" width="%g" height="%g"`, f.x, f.y, f.w, f.h)
}

func (p Panel) frame() frame {
	g := p.GridPos
	return frame{
		x: float64(margin + g.X*column), y: float64(head + g.Y*line),
		w: float64(g.W*column - gap), h: float64(g.H*line - gap),
	}
}

// SVG draws the dashboard, which was filled.
func (d Dashboard) SVG() string {
	height := 0
	for _, p := range d.Panels {
		height = max(height, head+(p.GridPos.Y+p.GridPos.H)*line+margin)
	}
	var s strings.Builder
	_, _ = fmt.Fprintf(&s,
		`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="The dashboard %s">`+"\n",
		width, height, width, height, html.EscapeString(d.Title))
	s.WriteString(style)
	_, _ = fmt.Fprintf(&s, `<rect class="page" width="%d" height="%d" rx="6"/>`+"\n", width, height)
	text(&s, "t h", margin, 26, "", d.Title)
	for _, p := range d.Panels {
		p.draw(&s)
	}
	s.WriteString("</svg>\n")
	return s.String()
}

func (p Panel) draw(s *strings.Builder) {
	f := p.frame()
	if p.Type == "row" {
		text(s, "t", f.x+2, f.y+13, "", "▾ "+p.Title)
		return
	}
	_, _ = fmt.Fprintf(s, `<rect class="card" %s rx="3"/>`+"\n", p.Place())
	text(s, "t", f.x+8, f.y+16, "", p.Title)
	inner := frame{x: f.x + 8, y: f.y + 24, w: f.w - 16, h: f.h - 30}
	switch p.Type {
	case "stat":
		p.drawStat(s, inner)
	case "table":
		p.drawTable(s, inner)
	case "timeseries":
		p.drawSeries(s, inner)
	}
}

func (p Panel) drawStat(s *strings.Builder, f frame) {
	if len(p.series) == 0 || len(p.series[0].Points) == 0 {
		text(s, "l", f.x+f.w/2, f.y+f.h/2, "middle", "No data")
		return
	}
	points := p.series[0].Points
	v := points[len(points)-1].Value
	class := "green"
	for _, step := range p.FieldConfig.Defaults.Thresholds.Steps {
		if step.Value == nil || v >= *step.Value {
			class = step.Color
		}
	}
	text(s, "v "+class, f.x+f.w/2, f.y+f.h/2+12, "middle", format(p.FieldConfig.Defaults.Unit, v))
}

func (p Panel) drawTable(s *strings.Builder, f frame) {
	columns := p.columns()
	if len(columns) == 0 {
		text(s, "l", f.x+f.w/2, f.y+f.h/2, "middle", "No data")
		return
	}
	room := f.w / float64(len(columns))
	for row := -1; row < len(p.series); row++ {
		y := f.y + 12 + float64(row+1)*18
		if y > f.y+f.h {
			return
		}
		for i, label := range columns {
			x := f.x + float64(i)*room
			if row < 0 {
				text(s, "t", x, y, "", label)
				continue
			}
			text(s, "l", x, y, "", clip(p.series[row].Labels[label], int(room/6)))
		}
		_, _ = fmt.Fprintf(s, `<path class="grid" d="M%g %gh%g"/>`+"\n", f.x, y+5, f.w)
	}
}

func text(s *strings.Builder, class string, x, y float64, anchor, content string) {
	if anchor != "" {
		anchor = ` text-anchor="` + anchor + `"`
	}
	_, _ = fmt.Fprintf(s, `<text class="%s" x="%g" y="%g"%s>%s</text>`+"\n",
		html.EscapeString(class), x, y, anchor, html.EscapeString(content))
}

// clip keeps a text to a number of characters.
func clip(text string, characters int) string {
	if runes := []rune(text); len(runes) > characters {
		return string(runes[:max(1, characters-1)]) + "…"
	}
	return text
}
