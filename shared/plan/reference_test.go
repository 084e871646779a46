package plan_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/reference"
)

// TestReference keeps the table of reasons as the constants and their comments have it.
func TestReference(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "reason.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for _, declaration := range file.Decls {
		group, ok := declaration.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			constant := spec.(*ast.ValueSpec) //nolint:errcheck,forcetypeassert // what a group of constants consists of
			if kind, ok := constant.Type.(*ast.Ident); !ok || kind.Name != "Reason" {
				continue
			}
			value, err := strconv.Unquote(constant.Values[0].(*ast.BasicLit).Value) //nolint:errcheck,forcetypeassert // a Reason is a text
			if err != nil {
				t.Fatal(err)
			}
			_, meaning, _ := strings.Cut(strings.Join(strings.Fields(constant.Doc.Text()), " "), ": ")
			if meaning == "" {
				t.Errorf("%s has no comment of the form Name: meaning", constant.Names[0])
			}
			rows = append(rows, []string{"`" + value + "`", meaning})
		}
	}
	var listed [][]string
	for _, reason := range plan.Reasons() {
		listed = append(listed, []string{"`" + string(reason) + "`"})
	}
	if diff := cmp.Diff(listed, rows, cmp.Transformer("value", func(row []string) string { return row[0] })); diff != "" || len(rows) == 0 {
		t.Errorf("Reasons lacks some, or has too many: -listed +constants:\n%s", diff)
	}
	if err := reference.Update("reasons", reference.Table([]string{"reason", "meaning"}, rows)); err != nil {
		t.Error(err)
	}
}
