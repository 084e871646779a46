package eso

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/shared/plan"
)

// strategies are what is done to the values.
func (b *builder) strategies(at *field.Path, s *v1.Strategies, e *plan.Entry) {
	switch s.DecodingStrategy {
	case "", "None":
	case "Base64", "Base64URL", "Auto":
		e.Decoding = plan.Decoding(s.DecodingStrategy)
	default:
		b.Fail(field.NotSupported(at.Child("decodingStrategy"), s.DecodingStrategy, []string{"None", "Base64", "Base64URL", "Auto"}))
	}
	switch s.NullBytePolicy {
	case "", "Ignore":
	case "Fail":
		e.NoNUL = true
	default:
		b.Fail(field.NotSupported(at.Child("nullBytePolicy"), s.NullBytePolicy, []string{"Ignore", "Fail"}))
	}
}

func (b *builder) conversion(at *field.Path, strategy string) plan.Conversion {
	c := plan.Conversion(cmp.Or(strategy, string(plan.Underscore)))
	if c != plan.Underscore && c != plan.Unicode {
		b.Fail(field.NotSupported(at, strategy, []plan.Conversion{plan.Underscore, plan.Unicode}))
	}
	return c
}

// rewrites are how names are changed.
func (b *builder) rewrites(at *field.Path, all []v1.Rewrite) []plan.Rewrite {
	var made []plan.Rewrite
	for n, one := range all {
		at := at.Index(n)
		set := []bool{one.Regexp != nil, one.Merge != nil, one.Transform != nil}
		if set = slices.DeleteFunc(set, func(set bool) bool { return !set }); len(set) != 1 {
			b.Fail(field.Invalid(at, field.OmitValueType{}, "must have exactly one of regexp and merge"))
			continue
		}
		switch {
		case one.Transform != nil:
			b.unserved(at.Child("transform"), "is not served: write regexp, with $1 for what a group matches")
		case one.Regexp != nil:
			b.Canonical(at.Child("regexp", "source"), one.Regexp.Source, plan.Pattern)
			b.Short(at.Child("regexp", "target"), one.Regexp.Target, maxText)
			made = append(made, plan.Rewrite{Regexp: &plan.RewriteRegexp{Source: one.Regexp.Source, Target: one.Regexp.Target}})
		default:
			made = append(made, plan.Rewrite{Merge: b.merge(at.Child("merge"), one.Merge)})
		}
	}
	return made
}

func (b *builder) merge(at *field.Path, m *v1.RewriteMerge) *plan.RewriteMerge {
	made := &plan.RewriteMerge{
		Priority: m.Priority, IgnoreMissing: m.PriorityPolicy == "IgnoreNotFound", IgnoreConflict: m.ConflictPolicy == "Ignore",
	}
	for _, choice := range []struct {
		name, value string
		known       []string
	}{
		{"priorityPolicy", m.PriorityPolicy, []string{"Strict", "IgnoreNotFound"}},
		{"conflictPolicy", m.ConflictPolicy, []string{"Error", "Ignore"}},
		{"strategy", m.Strategy, []string{"Extract", "JSON"}},
	} {
		if choice.value != "" && !slices.Contains(choice.known, choice.value) {
			b.Fail(field.NotSupported(at.Child(choice.name), choice.value, choice.known))
		}
	}
	switch {
	case m.Strategy == "JSON" && m.Into == "":
		b.Fail(field.Required(at.Child("into"), "strategy JSON needs the name of its entry"))
	case m.Strategy == "JSON":
		b.EntryName(at.Child("into"), m.Into)
		made.Into = m.Into
	case m.Into != "":
		b.Warn("%s has no meaning but with strategy JSON, and is ignored: remove it", at.Child("into"))
	}
	return made
}
