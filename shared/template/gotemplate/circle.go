package gotemplate

import (
	"maps"
	"slices"
	"text/template"
	"text/template/parse"
)

// circle is a call by which a template calls itself, by way of others or at once, and the tree that it is in; nil where none does. Such a
// one can end, but how deep it goes is up to values, and a worker's stack ends before text/template's own limit does.
func circle(assembled *template.Template) (*parse.TemplateNode, *parse.Tree) {
	calls, trees := map[string][]*parse.TemplateNode{}, map[string]*parse.Tree{}
	for _, t := range assembled.Templates() {
		if t.Tree != nil {
			calls[t.Name()], trees[t.Name()] = callsIn(t.Root), t.Tree
		}
	}
	done := map[string]bool{}
	var visit func(name string, above []string) (*parse.TemplateNode, *parse.Tree)
	visit = func(name string, above []string) (*parse.TemplateNode, *parse.Tree) {
		if done[name] {
			return nil, nil
		}
		above = append(above, name)
		for _, call := range calls[name] {
			if slices.Contains(above, call.Name) {
				return call, trees[name]
			}
			if found, in := visit(call.Name, above); found != nil {
				return found, in
			}
		}
		done[name] = true
		return nil, nil
	}
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		if found, in := visit(name, nil); found != nil {
			return found, in
		}
	}
	return nil, nil
}

// callsIn are the calls of templates below a node.
func callsIn(node parse.Node) (calls []*parse.TemplateNode) {
	branch := func(n *parse.BranchNode) []*parse.TemplateNode {
		return append(callsIn(n.List), callsIn(n.ElseList)...)
	}
	switch n := node.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, node := range n.Nodes {
				calls = append(calls, callsIn(node)...)
			}
		}
	case *parse.IfNode:
		calls = branch(&n.BranchNode)
	case *parse.RangeNode:
		calls = branch(&n.BranchNode)
	case *parse.WithNode:
		calls = branch(&n.BranchNode)
	case *parse.TemplateNode:
		calls = append(calls, n)
	}
	return calls
}
