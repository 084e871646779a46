package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFoldersStandForTheirManifests(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"m/b.yaml", "m/a.yml", "m/c.json", "m/d.YAML", "m/e.txt", "m/.git/f.yaml", "m/deep/er/g.yaml", "h.txt"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"m/link.yaml": "../h.txt", "m/loop": "..", "m/gone.yaml": "nowhere"} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	got, err := expand([]string{"m/c.json", "m", "h.txt", "./m", "-", "-"})
	want := []string{"m/c.json", "m/a.yml", "m/b.yaml", "m/d.YAML", "m/deep/er/g.yaml", "m/link.yaml", "h.txt", "-"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	if _, err := expand([]string{"m", "none", "neither"}); err == nil || strings.Count(err.Error(), "no such file") != 2 {
		t.Errorf("what is missing is not listed: %v", err)
	}
}

func TestFixKeepsModeAndLinks(t *testing.T) {
	t.Chdir(t.TempDir())
	const before, after = "kind: ExternalSecret\napiVersion: kubernetes-client.io/v1\nmetadata: {name: a}\nspec: {backendType: vault, properties: []}\n",
		"kind: ExternalSecret\napiVersion: kubernetes-client.io/v1\nmetadata: {name: a}\nspec: {backendType: vault, data: []}\n"
	if err := os.WriteFile("real.yaml", []byte(before), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real.yaml", "link.yaml"); err != nil {
		t.Fatal(err)
	}
	run(t, &Checker{Fix: true}, "link.yaml")
	info, err := os.Lstat("real.yaml")
	if err != nil || info.Mode() != 0o640 || read(t, "real.yaml") != after {
		t.Errorf("%v, mode %v:\n%s", err, info.Mode(), read(t, "real.yaml"))
	}
	if target, err := os.Readlink("link.yaml"); target != "real.yaml" || err != nil {
		t.Errorf("the link leads to %q: %v", target, err)
	}
	if left, err := os.ReadDir("."); len(left) != 2 || err != nil {
		t.Errorf("something is left behind: %v, %v", left, err)
	}
}

func TestPathsAreTakenApart(t *testing.T) {
	for path, want := range map[string][]string{
		"":                                 nil,
		"spec":                             {"spec"},
		"spec.data[12].key":                {"spec", "data", "12", "key"},
		"spec.dataFrom[0]":                 {"spec", "dataFrom", "0"},
		"metadata.labels[a.b/c]":           {"metadata", "labels", "a.b/c"},
		"spec.template.data[a[0]":          {"spec", "template", "data", "a[0"},
		"spec.template.metadata.labels[x]": {"spec", "template", "metadata", "labels", "x"},
	} {
		if diff := cmp.Diff(want, steps(path)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

func TestTextsAreSplitAsKubectlDoes(t *testing.T) {
	type part struct {
		Line, Column int
		Text         string
		Wrong        bool
	}
	for name, c := range map[string]struct {
		text string
		want []part
	}{
		"nothing":                  {"", []part{{Line: 1}}},
		"one":                      {"a: 1\n", []part{{Line: 1, Text: "a: 1\n"}}},
		"several":                  {"---\na: 1\n--- # b\nb: 1", []part{{Line: 1}, {Line: 2, Text: "a: 1\n"}, {Line: 4, Text: "b: 1"}}},
		"Windows's lines":          {"a: 1\r\n---\r\nb: 1", []part{{Line: 1, Text: "a: 1\r\n"}, {Line: 3, Text: "b: 1"}}},
		"text at a separator":      {"a: 1\n--- b\nc: 1", []part{{Line: 1, Text: "a: 1\n"}, {Line: 3, Text: "c: 1", Wrong: true}}},
		"dashes within a text":     {"a: |\n  ---\n", []part{{Line: 1, Text: "a: |\n  ---\n"}}},
		"JSON values":              {" {\"a\":\n1} {\"b\": 1}\n", []part{{Line: 1, Column: 1, Text: "{\"a\":\n1}"}, {Line: 2, Column: 3, Text: `{"b": 1}`}}},
		"braces that are not JSON": {"{a: 1}\n---\n{b: 1}", []part{{Line: 1, Text: "{a: 1}\n"}, {Line: 3, Text: "{b: 1}"}}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []part
			for d := range split("", []byte(c.text)) {
				got = append(got, part{d.line, d.column, string(d.text), d.err != nil})
				if string(d.text) != c.text[d.start:d.start+len(d.text)] {
					t.Errorf("%q does not stand at %d", d.text, d.start)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
