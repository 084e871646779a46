package check

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/secretgate/secretgate/shared/near"
)

// api is what an object calls itself.
type api struct{ group, version, kind string }

func (a api) apiVersion() string { return strings.TrimPrefix(a.group+"/"+a.version, "/") }

// api is what the object calls itself. A version alone is the core group's, as kubectl reads it.
func (o object) api() api {
	apiVersion, _ := o.value["apiVersion"].(string)
	kind, _ := o.value["kind"].(string)
	group, version, found := strings.Cut(apiVersion, "/")
	if !found {
		group, version = "", apiVersion
	}
	return api{group, version, kind}
}

// meant returns the API that an object was probably meant for, where no API server has the API that it names: its author
// believes it judged and served. It is not ok for an object of another product, for that of a template, and where nothing is near.
func (a apis) meant(is api) (meant api, ok bool) {
	all := a.names()
	if strings.Contains(is.apiVersion()+is.kind, "{{") || slices.Contains(all, is) {
		return api{}, false
	}
	var kinds []string
	for _, known := range all {
		kinds = append(kinds, known.kind)
	}
	kind, group := near.Typo(is.kind, kinds), a.nearGroup(is)
	for _, likely := range []func(known api) bool{
		func(known api) bool { return known.kind == kind && known.group == group && group != "" },
		func(known api) bool { return known.kind == kind && (group != "" || is.group == "") },
		func(known api) bool { return known.group == is.group && is.group != "" }, // our groups have no other kinds
	} {
		if i := slices.IndexFunc(all, likely); i >= 0 {
			return all[i], true
		}
	}
	return api{}, false
}

// nearGroup is the group of ours that an apiVersion names, or was probably meant to name.
func (a apis) nearGroup(is api) string {
	named := is.group
	if named == "" { // kubernetes-client.io alone is a version to kubectl
		named = is.version
	}
	for _, known := range a.names() {
		if known.group != "" && (near.Typo(named, []string{known.group}) != "" || strings.HasSuffix(named, "."+known.group)) {
			return known.group
		}
	}
	return ""
}

// isNamesake reports whether an object of another product has a kind of ours by its name.
func (a apis) isNamesake(is api) bool {
	return slices.ContainsFunc(a, func(known served) bool { return known.Kind == is.kind && known.Group != is.group })
}

var kindPattern = regexp.MustCompile(`kind['"]?\s*:\s*['"]?(\w+)`)

// resembles reports whether a document names, in plain letters, a kind that is one of ours or near one.
func (a apis) resembles(d document) bool {
	names := a.names()
	for _, match := range kindPattern.FindAllSubmatch(d.text, -1) {
		for _, known := range names {
			if near.Typo(string(match[1]), []string{known.kind}) != "" {
				return true
			}
		}
	}
	return false
}

// judgeMistyped says what an object was probably meant to be.
func (c *Checker) judgeMistyped(o object, meant api) *findings {
	f, is := c.about(o), o.api()
	if meant.group == "" { // a Namespace is in none
		f.name = o.metadata("name")
	}
	path := "apiVersion"
	if is.apiVersion() == meant.apiVersion() {
		path = "kind"
	}
	f.add(Error, UnknownKind, path, fmt.Sprintf("%q, kind %q is not an API that Secretgate serves: did you mean apiVersion: %s, kind: %s?",
		is.apiVersion(), is.kind, meant.apiVersion(), meant.kind))
	return f
}
