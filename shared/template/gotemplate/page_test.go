package gotemplate

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the page's lists anew")

// TestPage keeps the lists of README.md as the code has them.
func TestPage(t *testing.T) {
	const page = "README.md"
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	quoted := func(names []string) string { return "`" + strings.Join(names, "` `") + "`" }
	var rows strings.Builder
	rows.WriteString("| function | why |\n| --- | --- |\n")
	for _, reason := range slices.Sorted(maps.Keys(absent)) {
		fmt.Fprintf(&rows, "| %s | %s |\n", quoted(slices.Sorted(strings.FieldsSeq(absent[reason]))), reason)
	}
	got := string(content)
	for heading, text := range map[string]string{
		"## Functions\n": quoted(slices.Sorted(maps.Keys(functions()))) + "\n", "## Not there\n": rows.String(),
	} {
		before, rest, found := strings.Cut(got, heading)
		_, after, ended := strings.Cut(rest, "\n## ")
		if !found || !ended {
			t.Fatalf("the page lacks %q, or a heading after it", heading)
		}
		got = before + heading + "\n" + text + "\n## " + after
	}
	switch {
	case got == string(content):
	case *update:
		if err := os.WriteFile(page, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s has other functions than the code: run this test with -update", page)
	}
}
