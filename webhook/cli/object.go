package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/near"
	"github.com/secretgate/secretgate/webhook/cli/cluster"
	"github.com/secretgate/secretgate/webhook/cli/installed"
)

// kindList is kinds of objects to look among.
type kindList []dialect.Kind

// allKinds are those of all dialects, by documented defaults: their names are wanted.
func (l *live) allKinds() kindList {
	read, err := installed.Read(l.program.Dialects, installed.Service{Service: dialect.Check}, nil)
	if err != nil {
		panic(err) // the defaults are ours
	}
	return read.Kinds
}

// named are the kinds that a user calls by their kind, their plural or singular, or a short name, with the group or without. Several APIs
// have a kind of one name.
func (k kindList) named(word string) (all kindList) {
	word = strings.ToLower(word)
	for _, kind := range k {
		if slices.ContainsFunc(namesOf(kind.Type()), func(name string) bool { return word == name || word == name+"."+kind.Type().Group }) {
			all = append(all, kind)
		}
	}
	return all
}

// has reports whether a kind is among them.
func (k kindList) has(kind dialect.Kind) bool {
	return slices.ContainsFunc(k, func(one dialect.Kind) bool { return one.Type().GroupKind() == kind.Type().GroupKind() })
}

// namesOf are what the API server knows a kind by, in lower case.
func namesOf(t dialect.Type) []string {
	names := []string{strings.ToLower(t.Kind), t.Resource}
	var definition apiextensionsv1.CustomResourceDefinition
	if yaml.Unmarshal(t.CRD, &definition) == nil { // the built-in one
		names = append(names, definition.Spec.Names.Singular)
		names = append(names, definition.Spec.Names.ShortNames...)
	}
	return names
}

func (k kindList) names() []string {
	var all []string
	for _, kind := range k {
		all = append(all, namesOf(kind.Type())...)
	}
	return all
}

// objectName is what a user calls an object by.
type objectName struct {
	kinds           kindList // nil: any
	namespace, name string
}

// parse reads NAME, KIND/NAME, NAMESPACE/NAME or KIND/NAMESPACE/NAME. A word that may be a kind or a namespace is a kind.
func (k kindList) parse(word, namespace string) (objectName, error) {
	parts := strings.Split(word, "/")
	r := objectName{namespace: namespace, name: parts[len(parts)-1]}
	if slices.Contains(parts, "") || len(parts) > 3 {
		return r, fmt.Errorf("%q is no name of an object: write NAME, KIND/NAME, NAMESPACE/NAME or KIND/NAMESPACE/NAME", word)
	}
	before := parts[:len(parts)-1]
	if len(before) > 0 {
		if kinds := k.named(before[0]); len(kinds) > 0 {
			r.kinds, before = kinds, before[1:]
		} else if len(before) == 2 {
			return r, fmt.Errorf("%q is no kind of objects that read secrets%s", before[0], didYouMean(near.Typo(before[0], k.names())))
		}
	}
	if len(before) > 0 {
		r.namespace = before[0]
	}
	return r, nil
}

func didYouMean(meant string) string {
	if meant == "" {
		return ""
	}
	return "; did you mean " + meant + "?"
}

// found is an object of the cluster, and its kind.
type found struct {
	kind   dialect.Kind
	object dialect.Object
}

// find reads the object that a user names. kinds are those to look among where the user names none.
func (l *live) find(ctx context.Context, kinds kindList, r objectName) (found, error) {
	if r.kinds != nil {
		kinds = slices.DeleteFunc(slices.Clone(kinds), func(k dialect.Kind) bool { return !r.kinds.has(k) })
	}
	var all []found
	var problems []error
	served := false
	for _, k := range kinds {
		object, err := l.cluster.Object(ctx, k.Type(), k.New, r.namespace, r.name)
		switch {
		case errors.Is(err, cluster.ErrNotServed):
			continue
		case errors.Is(err, cluster.ErrNotFound):
		case err != nil:
			problems = append(problems, err)
		default:
			all = append(all, found{k, object})
		}
		served = true
	}
	switch {
	case len(all) == 1:
		return all[0], nil
	case len(all) > 1:
		var names []string
		for _, one := range all {
			kind := strings.ToLower(one.kind.Type().Kind)
			if len(kinds.named(kind)) > 1 {
				kind = one.kind.Type().Resource + "." + one.kind.Type().Group
			}
			names = append(names, kind+"/"+r.name)
		}
		return found{}, fmt.Errorf("%q names several objects of namespace %q: write %s", r.name, r.namespace, strings.Join(names, " or "))
	case len(problems) > 0:
		return found{}, errors.Join(problems...)
	case !served:
		return found{}, errors.New("the cluster knows none of the kinds that Secretgate serves: is it installed? kubectl apply -f crds/ " +
			"brings them")
	}
	return found{}, errors.New(l.missing(ctx, kinds, r))
}

// missing says what is not there, and what was probably meant.
func (l *live) missing(ctx context.Context, kinds kindList, r objectName) string {
	var titles, names []string
	for _, k := range kinds {
		objects, err := l.cluster.Objects(ctx, k, r.namespace, "")
		if errors.Is(err, cluster.ErrNotServed) {
			continue
		}
		titles = append(titles, k.Type().Kind)
		for _, o := range objects { // none where the user may not list them
			names = append(names, o.GetName())
		}
	}
	says := fmt.Sprintf("there is no %s %q in namespace %q", strings.Join(titles, " or "), r.name, r.namespace)
	if meant := near.Typo(r.name, names); meant != "" {
		return says + didYouMean(meant)
	}
	if _, err := l.cluster.Namespace(ctx, r.namespace); !errors.Is(err, cluster.ErrNotFound) {
		return says
	}
	says = fmt.Sprintf("there is no namespace %q", r.namespace)
	var others []string
	all, err := l.cluster.Namespaces(ctx)
	if err != nil {
		return says
	}
	for _, ns := range all {
		others = append(others, ns.Name)
	}
	return says + didYouMean(near.Typo(r.namespace, others))
}

// objects lists those of a kind: all, or where the user may not list all, those of the user's namespace. What was left out is said. The
// error is cluster.ErrNotServed, or the context's end.
func (l *live) objects(ctx context.Context, k dialect.Kind) (all []found, leftOut string, err error) {
	objects, err := l.cluster.Objects(ctx, k, "", "")
	if right, missing := errors.AsType[*cluster.MissingRight](err); missing {
		leftOut = fmt.Sprintf("of the objects of kind %s, those of namespace %q alone were looked at: %s", k.Type().Kind, l.namespace, right)
		if objects, err = l.cluster.Objects(ctx, k, l.namespace, ""); err != nil {
			leftOut = fmt.Sprintf("no objects of kind %s were looked at: %s", k.Type().Kind, err)
		}
	} else if err != nil && ctx.Err() == nil && !errors.Is(err, cluster.ErrNotServed) {
		leftOut = fmt.Sprintf("no objects of kind %s were looked at: %s", k.Type().Kind, err)
	}
	if errors.Is(err, cluster.ErrNotServed) || ctx.Err() != nil {
		return nil, "", errors.Join(err, ctx.Err())
	}
	for _, o := range objects {
		all = append(all, found{k, o})
	}
	return all, leftOut, nil
}
