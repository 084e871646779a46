// Package fence finds the fenced blocks of the repository's pages, with the marks that say which test takes them, and code in sentences.
package fence

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// Block is one fenced block: ```Language Mark. An indented block has neither.
type Block struct {
	Page     string // path in the repository
	Line     int    // of its first line
	Language string
	Mark     string // the second word, which GitHub does not show
	Text     string
	Indented bool
}

func (b Block) String() string { return fmt.Sprintf("%s:%d", b.Page, b.Line) }

// Pages lists all Markdown files below the repository's root, without what is built or fetched there.
func Pages(root string) (paths []string, err error) {
	left := []string{".git", ".cache", ".lab", ".cluster", "bin", "testdata"}
	err = filepath.WalkDir(root, func(path string, item fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case item.IsDir() && slices.Contains(left, item.Name()):
			return fs.SkipDir
		case !item.IsDir() && filepath.Ext(path) == ".md":
			paths = append(paths, path)
		}
		return nil
	})
	return paths, err
}

// All reads the blocks of all pages, in the order of the pages' names.
func All(root string) (blocks []Block, err error) {
	pages, err := Pages(root)
	if err != nil {
		return nil, err
	}
	for _, path := range pages {
		source, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, Read(filepath.ToSlash(name), source)...)
	}
	return blocks, nil
}

// Spans lists the code within the sentences and tables of a page, each on one line.
func Spans(source []byte) (spans []string) {
	walk := func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		span, isCode := node.(*ast.CodeSpan)
		if !entering || !isCode {
			return ast.WalkContinue, nil
		}
		var code strings.Builder
		for child := span.FirstChild(); child != nil; child = child.NextSibling() {
			if segment, ok := child.(*ast.Text); ok {
				code.Write(segment.Value(source))
			}
		}
		spans = append(spans, strings.Join(strings.Fields(code.String()), " "))
		return ast.WalkSkipChildren, nil
	}
	if err := ast.Walk(parse(source), walk); err != nil {
		panic(err) // walk returns none
	}
	return spans
}

func parse(source []byte) ast.Node {
	return goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
}

// Read reads the blocks of one page.
func Read(page string, source []byte) (blocks []Block) {
	walk := func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		b := Block{Page: page}
		switch node := node.(type) {
		case *ast.FencedCodeBlock:
			if node.Info != nil {
				b.Language, b.Mark, _ = strings.Cut(string(node.Info.Value(source)), " ")
			}
		case *ast.CodeBlock:
			b.Indented = true
		default:
			return ast.WalkContinue, nil
		}
		for i := range node.Lines().Len() {
			line := node.Lines().At(i)
			if i == 0 {
				b.Line = 1 + strings.Count(string(source[:line.Start]), "\n")
			}
			b.Text += string(line.Value(source))
		}
		blocks = append(blocks, b)
		return ast.WalkContinue, nil
	}
	if err := ast.Walk(parse(source), walk); err != nil {
		panic(err) // walk returns none
	}
	return blocks
}
