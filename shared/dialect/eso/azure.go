package eso

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/backend"
	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/shared/plan"
)

const (
	azureServicePrincipal = "ServicePrincipal"
	azureManagedIdentity  = "ManagedIdentity"
	azureWorkloadIdentity = "WorkloadIdentity"

	azureStack = "AzureStackCloud"

	annotationAzureClient = "azure.workload.identity/client-id"
	annotationAzureTenant = "azure.workload.identity/tenant-id"
)

// suffixes are what the names of vaults end with, by the cloud.
var suffixes = map[string]string{
	"PublicCloud": "vault.azure.net", "USGovernmentCloud": "vault.usgovcloudapi.net", "ChinaCloud": "vault.azure.cn",
	"GermanCloud": "vault.microsoftazure.de",
}

// azure is Azure Key Vault.
func (b *builder) azure(at *field.Path, r reading, p *v1.AzureKVProvider) (*source, plan.Places) {
	keyVault, _ := backend.Of(backend.AzureKeyVault)
	s := &source{syntax: plan.GJSONPathFirst, backend: keyVault, read: azureRead, find: azureFind}
	name, suffix, problem := vaultOf(p.VaultURL)
	if problem != "" {
		b.Fail(field.Invalid(at.Child("vaultUrl"), p.VaultURL, problem))
	}
	of, known := suffixes[p.EnvironmentType]
	if p.EnvironmentType != "" && !known && p.EnvironmentType != azureStack {
		b.Fail(field.NotSupported(at.Child("environmentType"), p.EnvironmentType, append(slices.Sorted(maps.Keys(suffixes)), azureStack)))
	}
	if known && problem == "" && of != suffix {
		b.Fail(field.Invalid(at.Child("vaultUrl"), p.VaultURL,
			"is of another cloud than environmentType: the vaults of "+p.EnvironmentType+" end with ."+of))
	}
	if p.CustomCloudConfig != nil {
		b.unserved(at.Child("customCloudConfig"),
			"is not served: the syncer's AZURE_AUTHORITY_HOST and AZURE_KEY_VAULT_DNS_SUFFIX say where its cloud is")
	}
	s.store = plan.Store{Backend: keyVault.Name, Container: name, Address: suffix}
	places := plan.Places{
		plan.Container: {Field: at.Child("vaultUrl").String()}, plan.Address: {Field: at.Child("vaultUrl").String()},
	}
	switch p.AuthType {
	case "", azureServicePrincipal:
		b.azurePrincipal(at, r, p, s)
	case azureManagedIdentity:
		s.store.Method, s.store.Role = azureManagedIdentity, p.IdentityID
		places[plan.Role] = plan.Place{Field: at.Child("identityId").String()}
		b.Canonical(at.Child("identityId"), p.IdentityID, plan.PlainText)
		b.ownIdentity(at.Child("authType"), r, "a managed identity is the syncer's; set authType: WorkloadIdentity and serviceAccountRef")
	case azureWorkloadIdentity:
		b.azureAccount(at, r, p, s, places)
	default:
		b.Fail(field.NotSupported(at.Child("authType"), p.AuthType, []string{azureServicePrincipal, azureManagedIdentity, azureWorkloadIdentity}))
	}
	return s, places
}

// vaultOf is the name of a vault, and what follows it.
func vaultOf(address string) (name, suffix, problem string) {
	u, err := url.Parse(strings.TrimRight(address, "/"))
	if err != nil || u.Scheme != "https" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Port() != "" {
		return "", "", "must be a URL such as https://name.vault.azure.net"
	}
	name, suffix, found := strings.Cut(strings.ToLower(u.Host), ".")
	if !found || !plan.IsHostLabel(name) || suffix == "" {
		return "", "", "must be a URL such as https://name.vault.azure.net"
	}
	for part := range strings.SplitSeq(suffix, ".") {
		if !plan.IsHostLabel(part) {
			return "", "", "must be a URL such as https://name.vault.azure.net"
		}
	}
	return name, suffix, ""
}

// azurePrincipal is a service principal, with a secret or a certificate.
func (b *builder) azurePrincipal(at *field.Path, r reading, p *v1.AzureKVProvider, s *source) {
	auth, authAt := p.AuthSecretRef, at.Child("authSecretRef")
	if p.TenantID == "" {
		b.Fail(field.Required(at.Child("tenantId"), "the tenant of the service principal"))
	}
	b.Canonical(at.Child("tenantId"), p.TenantID, plan.PlainText)
	s.store.Login.Directory = p.TenantID
	if auth == nil {
		b.Fail(field.Required(authAt, "clientId, and clientSecret or clientCertificate are needed"))
		return
	}
	if auth.TenantID != nil {
		b.unserved(authAt.Child("tenantId"), "is not served: an id of a tenant is no secret; write tenantId beside authSecretRef")
	}
	if auth.ClientID == nil {
		b.Fail(field.Required(authAt.Child("clientId"), "the id of the service principal"))
		return
	}
	s.store.Login.Identifier = b.secret(authAt.Child("clientId"), r, *auth.ClientID, "")
	switch {
	case auth.ClientSecret != nil && auth.ClientCertificate != nil, auth.ClientSecret == nil && auth.ClientCertificate == nil:
		b.Fail(field.Required(authAt, "either clientSecret or clientCertificate is needed"))
	case auth.ClientSecret != nil:
		s.store.Method = azureServicePrincipal
		s.store.Credential = b.secret(authAt.Child("clientSecret"), r, *auth.ClientSecret, "")
	default:
		s.store.Method = azureServicePrincipal + "Certificate"
		s.store.Credential = b.secret(authAt.Child("clientCertificate"), r, *auth.ClientCertificate, "")
	}
}

// azureAccount is a ServiceAccount that is an application of Entra ID, by its annotations.
func (b *builder) azureAccount(at *field.Path, r reading, p *v1.AzureKVProvider, s *source, places plan.Places) {
	s.store.Method, s.store.Login.Directory = azureWorkloadIdentity, p.TenantID
	if p.ServiceAccountRef == nil {
		b.ownIdentity(at.Child("serviceAccountRef"), r, "set it")
		return
	}
	at = at.Child("serviceAccountRef")
	account := b.account(at, r, *p.ServiceAccountRef)
	if account.Audiences == "" {
		account.Audiences = "api://AzureADTokenExchange"
	} else {
		account.Audiences = plan.ListOf(append([]string{"api://AzureADTokenExchange"}, account.Audiences.Texts()...)...)
	}
	s.store.Credential = account
	places[plan.Account] = plan.Place{Field: at.Child("name").String()}
	places[plan.Role] = plan.Place{Field: at.String()}
	s.store.Role = b.annotation(at, account, annotationAzureClient)
	tenant := b.annotationOf(account, annotationAzureTenant)
	switch {
	case !b.known(account):
		return
	case s.store.Role != "":
		s.store.Login.RoleFrom = plan.Credential{
			Kind: plan.AnnotationCredential, Namespace: account.Namespace, Name: account.Name, Key: annotationAzureClient,
		}
	case p.AuthSecretRef != nil && p.AuthSecretRef.ClientID != nil:
		s.store.Login.Identifier = b.secret(at.Child("clientId"), r, *p.AuthSecretRef.ClientID, "")
	default:
		b.Fail(field.Required(at, "ServiceAccount "+account.Namespace+"/"+account.Name+" has no annotation "+annotationAzureClient+": add it"))
	}
	switch {
	case tenant != "" && p.TenantID != "" && tenant != p.TenantID:
		b.Fail(field.Forbidden(at, "its annotation "+annotationAzureTenant+" differs from tenantId: remove one of them"))
	case tenant != "":
		s.store.Login.Directory = tenant
	case p.TenantID == "":
		b.Fail(field.Required(at, "there is neither tenantId nor the annotation "+annotationAzureTenant+": add one of them"))
	}
}

// azureRead reads a secret, or what kind/name says.
func azureRead(b *builder, at *field.Path, ref *v1.RemoteRef) plan.Read {
	b.Canonical(at.Child("version"), ref.Version, hostLabel)
	read := plan.Read{Key: ref.Key, Version: ref.Version}
	kind, name, found := strings.Cut(ref.Key, "/")
	switch {
	case !found:
	case kind == "secret":
		read.Key = name
	case kind == "cert" || kind == "key":
		read.Object = kind
	case !strings.Contains(name, "/"): // else the rule of keys says what is wrong
		b.Fail(field.Invalid(at.Child("key"), ref.Key, "must be a name, or secret/name, cert/name or key/name"))
	}
	return read
}

func hostLabel(value string) string {
	if plan.IsHostLabel(value) {
		return ""
	}
	return "must be letters, digits and dashes"
}

// azureFind is all secrets of a vault.
func azureFind(b *builder, at *field.Path, find *v1.Find) (plan.Read, bool) {
	if find.Path != nil {
		b.Fail(field.Forbidden(at.Child("path"), "a Key Vault has no paths: write name or tags"))
		return plan.Read{}, false
	}
	return plan.Read{Path: true, Recursive: true, Tags: b.tags(at.Child("tags"), find.Tags)}, true
}
