package backend

import (
	"regexp"
	"strings"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// AzureKeyVault is Azure's.
const AzureKeyVault plan.Backend = "azureKeyVault"

// The methods of a login to Entra ID, which a Store names. Without one it is the syncer's own, or an installed one.
const (
	AzureServicePrincipal = "ServicePrincipal"            // Role is the client id, and the credential a client secret
	AzureCertificate      = "ServicePrincipalCertificate" // Role is the client id, and the credential a certificate with its key
	AzureWorkloadIdentity = "WorkloadIdentity"            // Role is the client id, and the credential a token of a ServiceAccount
	AzureManagedIdentity  = "ManagedIdentity"             // Role is the client id of an identity that is assigned to the syncer's machine
)

// The objects of a vault that are no secrets: plan.Read.Object.
const (
	AzureCertificateObject = "cert" // the value is the certificate, DER
	AzureKeyObject         = "key"  // the value is the public key, a JSON Web Key
)

var azureKeyVault = Backend{
	Name:  AzureKeyVault,
	Key:   azureKey, // becomes part of a URL's path
	Store: map[plan.Aspect]plan.Rule{plan.Container: hostLabel, plan.Role: clientID, plan.Account: plan.ObjectName},
	Given: map[plan.Aspect]plan.Rule{plan.Address: suffix},
	Nouns: map[plan.Aspect]string{plan.Container: "vault"},
	Limits: []Limit{
		{Aspect: plan.Role, Annotation: names.AnnotationPermittedRole, Chosen: true},
		{Aspect: plan.Container, Annotation: names.AnnotationPermittedKeyVault},
		account,
	},
	Finds:   true,
	Objects: []string{AzureCertificateObject, AzureKeyObject},
	Read: func(r plan.Read) plan.Read {
		read := tagged(r)
		if !r.Path {
			read.Object, read.Version = r.Object, r.Version
		}
		return read
	},
	KeyOf: func(key, version string) string { return key + "/" + version },
}

var (
	clientIDPattern = regexp.MustCompile(`\A[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\z`)
	clientID        = plan.Matches(clientIDPattern, "must be the client id of an identity, as in 00000000-0000-4000-8000-000000000000")
	suffixPattern   = regexp.MustCompile(`\A[0-9a-z-]+(\.[0-9a-z-]+)+\z`)
	suffix          = plan.Matches(suffixPattern, "must be what follows the names of vaults, in lower case, as in vault.azure.net")
)

// azureKey is a secret's name, or its name and version with a slash between. Of other objects it is the kind and the name. It is empty
// where all names are meant.
func azureKey(value string) string {
	name, version, versioned := strings.Cut(value, "/")
	if value != "" && !plan.IsHostLabel(name) || versioned && !plan.IsHostLabel(version) {
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
