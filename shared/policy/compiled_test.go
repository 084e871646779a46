package policy

import (
	"fmt"
	"strings"
	"testing"
)

func TestCompiled(t *testing.T) {
	c := &Compiled{}
	first := c.patterns("a.*", false)
	for name, tc := range map[string]struct {
		lines  string
		legacy bool
		same   bool
	}{
		"the same annotation is compiled once":   {"a.*", false, true},
		"another is compiled":                    {"b.*", false, false},
		"legacy matching compiles other regexps": {"a.*", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			if same := c.patterns(tc.lines, tc.legacy) == first; same != tc.same {
				t.Errorf("the patterns of the first annotation were used: got %v, want %v", same, tc.same)
			}
		})
	}
	if first, second := (*Compiled)(nil).patterns("a.*", false), (*Compiled)(nil).patterns("a.*", false); first == second {
		t.Error("without Compiled, patterns were remembered")
	}
}

// fill adds as many annotations as two thousand namespaces have, and more, without compiling them.
func (c *Compiled) fill(t *testing.T, text string, cost int, after func(i int)) {
	t.Helper()
	for i := range 3000 {
		c.remember(annotated{lines: fmt.Sprint(text, i)}, &patterns{cost: cost})
		after(i)
	}
}

func TestCompiledKeepsWhatIsUsed(t *testing.T) {
	c := &Compiled{}
	used := c.patterns("used", false)
	c.fill(t, "", 900, func(i int) {
		if c.patterns("used", false) != used {
			t.Fatalf("after %d others, an annotation that is used all the time was compiled again", i+1)
		}
	})
}

func TestCompiledIsBounded(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		cost int
	}{
		"patterns that cost much":   {"", 900},
		"long texts":                {strings.Repeat("b", 10_000), 100},
		"patterns that are invalid": {"(" + strings.Repeat("c", 10_000), 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := &Compiled{}
			c.fill(t, tc.text, tc.cost, func(int) {})
			cost := 0
			for _, all := range []map[annotated]*patterns{c.recent, c.before} {
				for of, p := range all {
					cost += p.weight(of)
				}
			}
			if cost > maxCompiled || cost < maxCompiled/3 {
				t.Errorf("what is remembered costs %d, want at most %d, and a third of it or more", cost, maxCompiled)
			}
		})
	}
}
