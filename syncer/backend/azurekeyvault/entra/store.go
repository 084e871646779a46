package entra

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/credential"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// assertionAudience is that of a ServiceAccount's token where the Store names none:
// https://learn.microsoft.com/graph/api/resources/federatedidentitycredential.
const assertionAudience = "api://AzureADTokenExchange"

var (
	errMethod = &driver.Error{
		Kind: driver.Invalid, Problem: "the store logs in by a method that its credential is not for",
		Hint: "log in by ServicePrincipal with a client secret or a certificate in a Secret, by WorkloadIdentity with a ServiceAccount " +
			"or as the syncer, or by ManagedIdentity as the syncer",
	}
	errNoClient = &driver.Error{
		Kind: driver.Invalid, Problem: "the store names no client id, or one as it is and one in a Secret", Hint: "name one of them",
	}
	errNoTenant = &driver.Error{Kind: driver.Invalid, Problem: "the store names no tenant of Entra ID", Hint: "name it in the store"}
	errUnused   = &driver.Error{
		Kind: driver.Invalid, Problem: "the store says more of its login than the method uses", Hint: "leave out what is not of the method",
	}
	errNoSource = &driver.Error{
		Kind: driver.Invalid, Problem: "this syncer reads no credentials of the cluster", Hint: "use the installation's login",
	}
	errCertificate = &driver.Error{
		Kind: driver.Unauthenticated, Problem: "the client certificate is neither PEM nor PKCS#12 without a password, or lacks its private key",
		Hint: "write both into the Secret, as PEM or as PKCS#12 without a password",
	}
)

// login is one that a Store says.
type login struct {
	where  Cloud
	store  plan.Store
	source credential.Source
}

// Of makes Tokens as a Store says, whose Method is set. source gets what the Store refers to in the cluster, anew for each token; nil: it
// may refer to nothing there. A Store that cannot be understood is an *driver.Error of kind Invalid. Of itself makes no calls.
func Of(where Cloud, store plan.Store, source credential.Source, wire http.RoundTripper, timeout time.Duration) (*Tokens, error) {
	if err := incomplete(store); err != nil {
		return nil, err
	}
	if store.Credential.OfCluster() && source == nil {
		return nil, errNoSource
	}
	l := login{where, store, source}
	t := newTokens(l.open, wire, timeout)
	t.ofStore = true
	return t, nil
}

// incomplete says what a login lacks, or what it says to no effect: to ignore that would be to log in as another identity than its author
// meant.
func incomplete(s plan.Store) error {
	own, secret, account := s.Credential.Kind == plan.OwnCredential, s.Credential.Kind == plan.SecretCredential,
		s.Credential.Kind == plan.AccountCredential
	login := s.Login
	login.Directory, login.Identifier = "", plan.Credential{}
	if account {
		login.RoleFrom = plan.Credential{}
	}
	byOwn := own && (s.Method == backend.AzureWorkloadIdentity || s.Method == backend.AzureManagedIdentity)
	byCluster := secret && (s.Method == backend.AzureServicePrincipal || s.Method == backend.AzureCertificate) ||
		account && s.Method == backend.AzureWorkloadIdentity
	named := s.Login.Identifier != plan.Credential{}
	switch {
	case !byOwn && !byCluster:
		return errMethod
	case login != plan.Login{}, byOwn && named, s.Method == backend.AzureManagedIdentity && s.Login.Directory != "",
		named && s.Login.Identifier.Kind != plan.SecretCredential, named && s.Login.RoleFrom != plan.Credential{}:
		return errUnused
	case byCluster && named == (s.Role != ""):
		return errNoClient
	case byCluster && s.Login.Directory == "":
		return errNoTenant
	}
	return nil
}

// open makes the credential of the Store. What it refers to is read each time, so that a rotation needs no watch.
func (l login) open(ctx context.Context, client *http.Client) (azcore.TokenCredential, error) {
	s, options := l.store, l.where.options(client)
	switch {
	case s.Method == backend.AzureManagedIdentity:
		return managedIdentity(options, s.Role)
	case s.Credential.Kind == plan.OwnCredential:
		return l.where.workloadIdentity(options, s.Login.Directory, s.Role, nil)
	}
	if s.Login.RoleFrom != (plan.Credential{}) {
		if err := l.source.Unchanged(ctx, s.Login.RoleFrom, s.Role); err != nil {
			return nil, err
		}
	}
	id := s.Role
	if id == "" {
		var err error
		if id, err = l.source(ctx, s.Login.Identifier); err != nil {
			return nil, err
		}
	}
	from := s.Credential
	if s.Method == backend.AzureWorkloadIdentity {
		from.Audiences = cmp.Or(from.Audiences, assertionAudience)
	}
	proof, err := l.source(ctx, from)
	if err != nil {
		return nil, err
	}
	switch s.Method {
	case backend.AzureServicePrincipal:
		return azidentity.NewClientSecretCredential(s.Login.Directory, id, proof, &azidentity.ClientSecretCredentialOptions{
			ClientOptions: options, DisableInstanceDiscovery: l.where.Private,
		})
	case backend.AzureCertificate:
		return l.certificate(options, id, proof)
	}
	return l.where.assertion(options, s.Login.Directory, id, proof, nil)
}

// certificate sends the chain, too, by which Entra ID knows the certificate where its subject and issuer are registered (SNI), and not the
// certificate itself.
func (l login) certificate(options azcore.ClientOptions, id, proof string) (azcore.TokenCredential, error) {
	certificates, key, err := azidentity.ParseCertificates([]byte(proof), nil)
	if err != nil {
		return nil, errCertificate // the SDK's error may quote what it read
	}
	return azidentity.NewClientCertificateCredential(l.store.Login.Directory, id, certificates, key,
		&azidentity.ClientCertificateCredentialOptions{
			ClientOptions: options, DisableInstanceDiscovery: l.where.Private, SendCertificateChain: true,
		})
}
