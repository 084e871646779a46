package picture

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// axis is the room for values at the left of a time series, legendLine the height of a line of its legend.
const (
	axis       = 58
	legendLine = 13
	letter     = 5.8 // the width of one in a legend, about
)

// drawSeries draws lines, or areas on each other, above their legend.
func (p Panel) drawSeries(s *strings.Builder, f frame) {
	series := p.series
	if len(series) == 0 {
		text(s, "l", f.x+f.w/2, f.y+f.h/2, "middle", "No data")
		return
	}
	entries := legend(series, f.w)
	lines := entries[len(entries)-1].line + 1
	plot := frame{x: f.x + axis, y: f.y + 4, w: f.w - axis, h: f.h - 8 - float64(lines*legendLine)}
	stacked := p.FieldConfig.Defaults.Custom.Stacking.Mode == "normal"
	if stacked {
		series = stack(series)
	}
	begin, end, top := bounds(series)
	top = axisEnd(p.FieldConfig.Defaults.Unit, top)
	for i := range 3 {
		y := plot.y + plot.h - float64(i)*plot.h/2
		_, _ = fmt.Fprintf(s, `<path class="grid" d="M%g %gh%g"/>`, plot.x, round(y), plot.w)
		text(s, "l s", plot.x-6, round(y)+3, "end", format(p.FieldConfig.Defaults.Unit, top*float64(i)/2))
	}
	at := func(t, v float64) string {
		return fmt.Sprintf("%g %g", round(plot.x+(t-begin)/(end-begin)*plot.w), round(plot.y+plot.h-v/top*plot.h))
	}
	for i, one := range slices.Backward(series) { // the first of a stack is its lowest, and drawn over the others
		colour := palette[i%len(palette)]
		path := make([]string, len(one.Points))
		for j, point := range one.Points {
			path[j] = at(point.Time, point.Value)
		}
		d := "M" + strings.Join(path, "L")
		if stacked {
			first, last := one.Points[0], one.Points[len(one.Points)-1]
			_, _ = fmt.Fprintf(s, `<path d="%sL%sL%sZ" fill="%s" fill-opacity=".35"/>`, d, at(last.Time, 0), at(first.Time, 0), colour)
		}
		_, _ = fmt.Fprintf(s, `<path d="%s" fill="none" stroke="%s" stroke-width="1.5"/>`+"\n", d, colour)
	}
	for i, e := range entries {
		if e.name == "" {
			continue
		}
		y := f.y + f.h - float64((lines-1-e.line)*legendLine)
		_, _ = fmt.Fprintf(s, `<rect x="%g" y="%g" width="10" height="3" fill="%s"/>`, round(e.x+f.x), round(y)-4, palette[i%len(palette)])
		text(s, "l s", round(e.x+f.x)+14, round(y), "", e.name)
	}
}

// entry is a place in a legend.
type entry struct {
	name string // empty: there is no room
	line int
	x    float64
}

// legend puts names beside each other, on two lines at most.
func legend(series []Series, width float64) []entry {
	const most = 2
	var all []entry
	line, x := 0, 0.0
	for _, s := range series {
		name := clip(s.Name, int((width-20)/letter))
		room := 14 + letter*float64(len([]rune(name))) + 12
		if x > 0 && x+room > width {
			line, x = line+1, 0
		}
		if line >= most {
			all = append(all, entry{line: most - 1})
			continue
		}
		all = append(all, entry{name, line, x})
		x += room
	}
	return all
}

// stack adds each series to the ones before it, at the times that it has.
func stack(series []Series) []Series {
	sums := map[float64]float64{}
	stacked := make([]Series, len(series))
	for i, s := range series {
		stacked[i] = s
		stacked[i].Points = make([]Point, len(s.Points))
		for j, point := range s.Points {
			sums[point.Time] += point.Value
			stacked[i].Points[j] = Point{point.Time, sums[point.Time]}
		}
	}
	return stacked
}

// bounds are the times of the first and last point, and the largest value.
func bounds(series []Series) (begin, end, top float64) {
	begin, end = math.Inf(1), math.Inf(-1)
	for _, s := range series {
		for _, point := range s.Points {
			begin, end = min(begin, point.Time), max(end, point.Time)
			top = max(top, point.Value)
		}
	}
	if end <= begin {
		end = begin + 1
	}
	return begin, end, top
}

// axisEnd is a value that the axis of a unit can end with: a plain number in the size that it is written in.
func axisEnd(unit string, top float64) float64 {
	times := sizeOf(unit, top).times
	return ceiling(top/times) * times
}

// ceiling is the next of 1, 2, 4, 5, 6, 8 and 10 times a power of ten: a half of it is a plain number, too.
func ceiling(v float64) float64 {
	if v <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 2, 4, 5, 6, 8} {
		if v <= step*power {
			return step * power
		}
	}
	return 10 * power
}

func round(v float64) float64 { return math.Round(v*10) / 10 }
