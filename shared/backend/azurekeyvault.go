package backend

import (
	"strings"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// AzureKeyVault is Azure's.
const AzureKeyVault plan.Backend = "azureKeyVault"

var azureKeyVault = Backend{
	Name:  AzureKeyVault,
	Key:   azureKey, // becomes part of a URL's path
	Store: map[plan.Aspect]plan.Rule{plan.Container: hostLabel, plan.Role: plan.PlainText, plan.Account: plan.ObjectName},
	Nouns: map[plan.Aspect]string{plan.Container: "vault"},
	Limits: []Limit{
		{Aspect: plan.Container, Annotation: names.AnnotationPermittedKeyVault},
		{Aspect: plan.Role, Annotation: names.AnnotationPermittedRole, Chosen: true},
		account,
	},
	Finds: true,
	Read:  bare,
	KeyOf: func(key, version string) string { return key + "/" + version },
}

// azureKey is a secret's name, or its name and version with a slash between.
func azureKey(value string) string {
	name, version, versioned := strings.Cut(value, "/")
	if !plan.IsHostLabel(name) || versioned && !plan.IsHostLabel(version) {
		return "must be a secret's name, or name/version, of letters, digits and dashes"
	}
	return ""
}

func hostLabel(value string) string {
	if plan.IsHostLabel(value) {
		return ""
	}
	return "must be letters, digits and dashes: it becomes a host name"
}
