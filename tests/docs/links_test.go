// Package docs tests the repository's pages: what they link to, and what the README has users install.
package docs

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"github.com/secretgate/secretgate/tests/docs/fence"
)

const root = "../.."

// page is what matters here of a Markdown file: where it leads, and where others may lead within it.
type page struct {
	links   []string
	files   []string // what its text names in the form of a file's path
	anchors map[string]bool
}

// TestLinksLeadSomewhere follows each relative link of each page to a file that exists, and to a heading of it.
func TestLinksLeadSomewhere(t *testing.T) {
	pages := readPages(t, root)
	if len(pages) < 20 {
		t.Errorf("got %d pages, want all of the repository", len(pages))
	}
	for path, p := range pages {
		for _, link := range p.links {
			if err := follow(pages, path, link); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

func TestBrokenLinksAreFound(t *testing.T) {
	folder := t.TempDir()
	for name, content := range map[string]string{
		"a.md":       "# A page: `code`, *and* more\n\n## Twice\n\n## Twice\n\n```\n[no link](nowhere)\n```\n",
		"below/b.md": "# B\n",
	} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pages := readPages(t, folder)
	if got := pages[filepath.Join(folder, "a.md")].links; len(got) > 0 {
		t.Errorf("got links %q of a page whose only one is code, want none", got)
	}
	for link, want := range map[string]bool{
		"../a.md":                      true,
		"../a.md#a-page-code-and-more": true,
		"../a.md#twice-1":              true,
		"../a.md#twice-2":              false,
		"#b":                           true,
		"#c":                           false,
		"../below":                     true,
		"../a.md?plain=1":              true,
		"a.md":                         false,
		"https://example.com/nowhere":  true,
		"mailto:team@example.com":      true,
	} {
		if err := follow(pages, filepath.Join(folder, "below", "b.md"), link); (err == nil) != want {
			t.Errorf("%s: got %v, want a link that works: %v", link, err, want)
		}
	}
}

// TestFilesThatPagesNameExist looks for each file that a page names, from the page's own folder upwards: "base/syncer/rbac.yaml".
func TestFilesThatPagesNameExist(t *testing.T) {
	for path, p := range readPages(t, root) {
		for _, file := range p.files {
			if !existsAbove(filepath.Dir(path), file) {
				t.Errorf("%s names %s, which does not exist", path, file)
			}
		}
	}
}

func existsAbove(folder, file string) bool {
	for ; ; folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, file)); err == nil {
			return true
		}
		if folder == root {
			return false
		}
	}
}

// readPages reads all Markdown below a folder, without what is built or fetched there.
func readPages(t *testing.T, folder string) map[string]page {
	t.Helper()
	paths, err := fence.Pages(folder)
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]page{}
	for _, path := range paths {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pages[path] = parse(source)
	}
	return pages
}

var pathOfFile = regexp.MustCompile(`^[\w.-]+(/[\w.-]+)+\.(go|lua|md|svg|ya?ml)$`)

func parse(source []byte) page {
	p := page{anchors: map[string]bool{}}
	document := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	walk := func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch node := node.(type) {
		case *ast.Link:
			p.links = append(p.links, string(node.Destination))
		case *ast.Image:
			p.links = append(p.links, string(node.Destination))
		case *ast.CodeSpan:
			if name := written(node, source); pathOfFile.MatchString(name) {
				p.files = append(p.files, name)
			}
		case *ast.Heading:
			anchor := anchorOf(written(node, source))
			name := anchor
			for i := 1; p.anchors[name]; i++ {
				name = fmt.Sprintf("%s-%d", anchor, i)
			}
			p.anchors[name] = true
		}
		return ast.WalkContinue, nil
	}
	if err := ast.Walk(document, walk); err != nil {
		panic(err) // walk returns none
	}
	return p
}

// written is the text of a node, without its marks.
func written(node ast.Node, source []byte) string {
	var b strings.Builder
	for child := node.FirstChild(); child != nil; child = child.NextSibling() {
		if segment, ok := child.(*ast.Text); ok {
			b.Write(segment.Value(source))
		} else {
			b.WriteString(written(child, source))
		}
	}
	return b.String()
}

var unfitForAnchors = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)

// anchorOf is the name that GitHub gives to a heading.
func anchorOf(heading string) string {
	return strings.ReplaceAll(unfitForAnchors.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// follow reports why a link of the page at path leads nowhere. Links to other hosts are taken as they are.
func follow(pages map[string]page, path, link string) error {
	target, err := url.Parse(link)
	if err != nil || target.IsAbs() {
		return err
	}
	file := path
	if target.Path != "" {
		file = filepath.Join(filepath.Dir(path), target.Path)
	}
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("the link %q leads to no file: %w", link, err)
	}
	if target.Fragment != "" && !pages[file].anchors[target.Fragment] {
		return fmt.Errorf("the link %q leads to no heading of %s", link, file)
	}
	return nil
}
