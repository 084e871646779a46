package gotemplate

import (
	"strings"
	"text/template/parse"
	"unicode/utf8"

	texts "github.com/secretgate/secretgate/shared/template"
)

// finder goes through the nodes of a text, but not into what it defines: what the dot is there is up to the callers.
type finder struct {
	text string
	uses texts.Uses
}

func (f *finder) walk(node parse.Node) {
	switch n := node.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, node := range n.Nodes {
				f.walk(node)
			}
		}
	case *parse.ActionNode:
		f.walk(n.Pipe)
	case *parse.IfNode:
		f.branch(&n.BranchNode)
	case *parse.RangeNode:
		f.uses.Values = true // what it goes through, and the dot in it, may be anything
		f.walk(n.Pipe)
	case *parse.WithNode:
		f.uses.Values = true
		f.walk(n.Pipe)
	case *parse.TemplateNode:
		f.uses.Values = f.uses.Values || n.Pipe != nil
	case *parse.PipeNode:
		if n != nil {
			for _, command := range n.Cmds {
				f.command(command)
			}
		}
	case *parse.FieldNode:
		f.entry(n.Ident[0], int(n.Pos))
	case *parse.DotNode, *parse.VariableNode, *parse.ChainNode:
		f.uses.Values = true
	}
}

func (f *finder) branch(n *parse.BranchNode) {
	f.walk(n.Pipe)
	f.walk(n.List)
	f.walk(n.ElseList)
}

// command finds `index . "name"`, too.
func (f *finder) command(n *parse.CommandNode) {
	if len(n.Args) > 2 {
		function, ok := n.Args[0].(*parse.IdentifierNode)
		_, dot := n.Args[1].(*parse.DotNode)
		if key, text := n.Args[2].(*parse.StringNode); ok && dot && text && (function.Ident == "index" || function.Ident == "get") {
			f.entry(key.Text, int(key.Pos))
			return
		}
	}
	for _, argument := range n.Args {
		f.walk(argument)
	}
}

func (f *finder) entry(name string, at int) {
	f.uses.Values = true
	f.uses.Entries = append(f.uses.Entries, f.use(name, at))
}

func (f *finder) use(name string, at int) texts.Use {
	line := strings.Count(f.text[:min(at, len(f.text))], "\n") + 1
	return texts.Use{Name: name, Line: line, Column: column(f.text, at)}
}

// column is that of a byte, in characters from 1.
func column(text string, at int) int {
	before := text[:min(at, len(text))]
	start := strings.LastIndexByte(before, '\n') + 1
	return utf8.RuneCountInString(before[start:]) + 1
}
