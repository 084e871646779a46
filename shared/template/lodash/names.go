package lodash

import (
	"reflect"
	"sync"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"

	"github.com/secretgate/secretgate/shared/template"
)

// uses finds the names of a script that mean something outside of it. A name that the script declares anywhere is its own everywhere:
// too few names are found then, never one too many.
func (s *script) uses(tree *ast.Program) template.Uses {
	f := finder{declared: map[string]bool{"data": true, "__t": true, "__p": true, "print": true, "arguments": true, "undefined": true}}
	f.walk(reflect.ValueOf(tree.Body))
	var uses template.Uses
	shadowed := f.declarations["data"] > 1 // the first is the wrapper's
	for _, use := range f.names {
		uses.Values = uses.Values || use.name == "data"
		if !f.declared[use.name] && !globals()[use.name] {
			uses.Unknown = append(uses.Unknown, s.use(use))
		}
	}
	if !shadowed {
		for _, use := range f.entries {
			uses.Entries = append(uses.Entries, s.use(use))
		}
	}
	return uses
}

func (s *script) use(n word) template.Use {
	line, column := s.place(int(n.at) - 1) // indexes of files begin at 1
	return template.Use{Name: n.name, Line: line, Column: column}
}

// globals are the names that each world has.
var globals = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for _, name := range newWorld().GlobalObject().GetOwnPropertyNames() {
		names[name] = true
	}
	return names
})

// word is a name in the script.
type word struct {
	name string
	at   file.Idx
}

// finder goes through the nodes of a script: goja has no visitor.
type finder struct {
	declared     map[string]bool
	declarations map[string]int
	names        []word // that expressions use
	entries      []word // members of data
}

func (f *finder) declare(n string) {
	if f.declarations == nil {
		f.declarations = map[string]int{}
	}
	f.declared[n] = true
	f.declarations[n]++
}

func (f *finder) walk(v reflect.Value) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			return
		}
		if v.Kind() == reflect.Pointer && f.special(v.Interface()) {
			return
		}
		f.walk(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			f.walk(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() && field.Name != "DeclarationList" { // what is declared stands in the body, too
				f.walk(v.Field(i))
			}
		}
	}
}

// special is for nodes in which names do not all mean a value. It reports whether it went through the node.
func (f *finder) special(node any) bool {
	switch n := node.(type) {
	case *ast.Identifier:
		f.names = append(f.names, word{n.Name.String(), n.Idx})
	case *ast.DotExpression:
		if of, ok := n.Left.(*ast.Identifier); ok && of.Name == "data" {
			f.entries = append(f.entries, word{n.Identifier.Name.String(), n.Identifier.Idx})
		}
		f.walk(reflect.ValueOf(n.Left))
	case *ast.BracketExpression:
		of, ok := n.Left.(*ast.Identifier)
		if text, literal := n.Member.(*ast.StringLiteral); ok && literal && of.Name == "data" {
			f.entries = append(f.entries, word{text.Value.String(), text.Idx})
		}
		return false
	case *ast.LabelledStatement:
		f.walk(reflect.ValueOf(n.Statement))
	case *ast.BranchStatement, *ast.MetaProperty:
	case *ast.PropertyShort:
		f.names = append(f.names, word{n.Name.Name.String(), n.Name.Idx})
		f.walk(reflect.ValueOf(n.Initializer))
	case *ast.PropertyKeyed:
		if n.Computed {
			f.walk(reflect.ValueOf(n.Key))
		}
		f.walk(reflect.ValueOf(n.Value))
	default:
		return f.declaring(node)
	}
	return true
}

// declaring is for nodes that declare names. It reports whether it went through the node.
func (f *finder) declaring(node any) bool {
	var name *ast.Identifier
	var rest []any
	switch n := node.(type) {
	case *ast.Binding:
		f.pattern(n.Target)
		rest = []any{n.Initializer}
	case *ast.CatchStatement:
		f.pattern(n.Parameter)
		rest = []any{n.Body}
	case *ast.ForDeclaration:
		f.pattern(n.Target)
	case *ast.FunctionLiteral:
		f.parameters(n.ParameterList)
		name, rest = n.Name, []any{n.Body}
	case *ast.ArrowFunctionLiteral:
		f.parameters(n.ParameterList)
		rest = []any{n.Body}
	case *ast.ClassLiteral:
		name, rest = n.Name, []any{n.SuperClass, n.Body}
	default:
		return false
	}
	if name != nil {
		f.declare(name.Name.String())
	}
	for _, part := range rest {
		f.walk(reflect.ValueOf(part))
	}
	return true
}

func (f *finder) parameters(list *ast.ParameterList) {
	if list == nil {
		return
	}
	for _, parameter := range list.List {
		f.special(parameter)
	}
	if rest, ok := list.Rest.(ast.BindingTarget); ok {
		f.pattern(rest)
	}
}

// pattern declares the names that a target binds.
func (f *finder) pattern(target any) {
	switch t := target.(type) {
	case *ast.Identifier:
		f.declare(t.Name.String())
	case *ast.ArrayPattern:
		for _, element := range t.Elements {
			f.pattern(element)
		}
		f.pattern(t.Rest)
	case *ast.ObjectPattern:
		for _, property := range t.Properties {
			switch p := property.(type) {
			case *ast.PropertyShort:
				f.declare(p.Name.Name.String())
				f.walk(reflect.ValueOf(p.Initializer))
			case *ast.PropertyKeyed:
				f.pattern(p.Value)
			}
		}
		f.pattern(t.Rest)
	case *ast.AssignExpression: // with a default
		f.pattern(t.Left)
		f.walk(reflect.ValueOf(t.Right))
	}
}
