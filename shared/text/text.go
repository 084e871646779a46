// Package text fits texts into places of limited size.
package text

// Cut shortens a text to a number of characters. The last one then shows that there was more.
func Cut(s string, most int) string {
	n, end := 0, 0
	for i := range s {
		switch n {
		case most - 1:
			end = i
		case most:
			return s[:end] + "…"
		}
		n++
	}
	return s
}
