package check

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/secretgate/secretgate/shared/api/secretsmanager/v1alpha1"
	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/near"
)

// api is what an object calls itself.
type api struct{ group, version, kind string }

// apis are those that check reads.
func apis() []api {
	return []api{
		{apiv1.GroupVersion.Group, apiv1.GroupVersion.Version, apiv1.Kind},
		{v1alpha1.GroupVersion.Group, v1alpha1.GroupVersion.Version, v1alpha1.Kind},
		{"", "v1", "Namespace"},
	}
}

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

// meant returns the API that an object was probably meant to be of, where no API server has the one that it names: its author
// believes it judged and served. It is not ok for an object of another product, for that of a template, and where nothing is near.
func (a api) meant() (meant api, ok bool) {
	if strings.Contains(a.apiVersion()+a.kind, "{{") || slices.Contains(apis(), a) {
		return api{}, false
	}
	var kinds []string
	for _, known := range apis() {
		kinds = append(kinds, known.kind)
	}
	kind, ours := near.Typo(a.kind, kinds), a.nearGroup() != ""
	for _, known := range apis() {
		if known.kind == kind && (ours || a.group == "") {
			return known, true
		}
	}
	for _, known := range apis() {
		if known.group == a.group && a.group != "" { // our group has no other kinds
			return known, true
		}
	}
	return api{}, false
}

// nearGroup is the group of ours that the apiVersion names, or was probably meant to name.
func (a api) nearGroup() string {
	named := a.group
	if named == "" { // kubernetes-client.io alone is a version to kubectl
		named = a.version
	}
	for _, known := range apis() {
		if known.group != "" && (near.Typo(named, []string{known.group}) != "" || strings.HasSuffix(named, "."+known.group)) {
			return known.group
		}
	}
	return ""
}

// isNamesake reports whether an object of another product has a kind of ours by its name.
func (a api) isNamesake() bool {
	return slices.ContainsFunc(apis(), func(known api) bool {
		return known.group != "" && known.kind == a.kind && known.group != a.group
	})
}

var kindPattern = regexp.MustCompile(`kind['"]?\s*:\s*['"]?(\w+)`)

// resembles reports whether a document names, in plain letters, a kind that is one of ours or near one.
func (d *document) resembles() bool {
	for _, match := range kindPattern.FindAllSubmatch(d.text, -1) {
		for _, known := range apis() {
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
