package login

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"

	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/auth/credentials/externalaccount"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

var (
	errMethod = &driver.Error{
		Kind: driver.Invalid, Problem: "the store logs in by a method that its credential is not for",
		Hint: "log in by WorkloadIdentity with a ServiceAccount, or by no method with a service account's key in a Secret or as the syncer",
	}
	errUnused = &driver.Error{
		Kind: driver.Invalid, Problem: "the store says more of its login than the method uses", Hint: "leave out what is not of the method",
	}
	errPool = &driver.Error{
		Kind: driver.Invalid, Problem: "the store does not name the workload identity pool and the identity provider of its cluster",
		Hint: "name the project, the location and the name of the cluster in the store",
	}
	errNoProject = &driver.Error{
		Kind: driver.Invalid, Problem: "the store names no project, beside a credential of its own", Hint: "set {container} in the store",
	}
	errNoSource = &driver.Error{
		Kind: driver.Invalid, Problem: "this syncer reads no credentials of the cluster", Hint: "use the installation's login",
	}
	errNoKey = &driver.Error{
		Kind: driver.Unauthenticated, Problem: "the credential is no key of a service account",
		Hint: "write that key, as JSON, into the Secret",
	}
	errUniverse = &driver.Error{
		Kind: driver.Denied, Problem: "the key is of another universe of Google Cloud than this installation reads",
		Hint: "use a key of that one, or have GOOGLE_CLOUD_UNIVERSE_DOMAIN name the other for the syncer",
	}
)

// Check refuses a Store that cannot be logged in for, or says to no effect how: to ignore that would be to read as another identity than
// its author meant. The error is an *driver.Error of kind Invalid.
func Check(s plan.Store) error {
	login := s.Login
	switch {
	case s.Method == backend.GCPWorkloadIdentity && s.Credential.Kind == plan.AccountCredential:
		login.RoleFrom = plan.Credential{}
		if login != (plan.Login{}) || s.Role == "" && s.Login.RoleFrom != login.RoleFrom {
			return errUnused
		}
		pool := s.Credential.Audiences.Texts()
		b, _ := backend.Of(s.Backend)
		if len(pool) != 1 || s.Mount == "" || b != nil && b.Unusable(plan.Mount, s.Mount) != "" {
			return errPool
		}
	case s.Method != "", s.Credential.Kind != plan.OwnCredential && s.Credential.Kind != plan.SecretCredential:
		return errMethod
	case s.Role != "", s.Mount != "", login != plan.Login{}:
		return errUnused
	}
	if s.Credential.OfCluster() && s.Container == "" {
		return errNoProject
	}
	return nil
}

// credentials are those of a Store; of the zero one, the syncer's own.
func (l *Logins) credentials(ctx context.Context, s plan.Store) (*held, error) {
	switch {
	case s == plan.Store{}:
		return l.own(ctx)
	case l.config.Credentials == nil:
		return nil, errNoSource
	case s.Credential.Kind == plan.SecretCredential:
		return l.key(ctx, s)
	}
	return l.federated(ctx, s)
}

// foreignTypes are those of credential files that name servers, files or programs for the syncer to ask in its own name.
var foreignTypes = []string{
	"authorized_user", "external_account", "external_account_authorized_user", "gdch_service_account", "impersonated_service_account",
}

// key is that of a service account, in a Secret. It signs its own tokens, so that nothing is sent to a server that it names.
func (l *Logins) key(ctx context.Context, s plan.Store) (*held, error) {
	text, err := l.config.Credentials(ctx, s.Credential)
	if err != nil {
		return nil, err
	}
	var file struct {
		Type     string `json:"type"`
		Universe string `json:"universe_domain"`
		Payer    string `json:"quota_project_id"`
	}
	switch err := json.Unmarshal([]byte(text), &file); {
	case err != nil:
		return nil, errNoKey
	case slices.Contains(foreignTypes, file.Type):
		return nil, &driver.Error{
			Kind: driver.Unauthenticated, Problem: "the credential is of type " + file.Type + ", which is not taken from a Secret: " +
				"it may have the syncer ask any server, or read its files",
			Hint: "write the key of a service account (type service_account) into the Secret, or log in by WorkloadIdentity",
		}
	case file.Type != string(credentials.ServiceAccount):
		return nil, errNoKey
	case l.config.Endpoint == "" && cmp.Or(file.Universe, "googleapis.com") != universe():
		return nil, errUniverse
	}
	found, err := credentials.NewCredentialsFromJSON(credentials.ServiceAccount, []byte(text), options(l.config))
	if err != nil {
		return nil, errNoKey // the SDK's error may quote what it read
	}
	// What the environment says of who pays is for the syncer's own credentials.
	return &held{
		Credentials: found, payer: func(context.Context) string { return file.Payer }, asked: func() string { return "" },
	}, nil
}

// federated are those of a ServiceAccount of a cluster that Google knows: its token is exchanged for one of the pool's, and that for one of
// the service account, if there is one. https://cloud.google.com/kubernetes-engine/docs/concepts/workload-identity
func (l *Logins) federated(ctx context.Context, s plan.Store) (*held, error) {
	if s.Login.RoleFrom != (plan.Credential{}) {
		if err := l.config.Credentials.Unchanged(ctx, s.Login.RoleFrom, s.Role); err != nil {
			return nil, err
		}
	}
	token, err := l.config.Credentials(ctx, s.Credential)
	if err != nil {
		return nil, err
	}
	noted := &noting{next: l.config.Client.Transport}
	client := *l.config.Client
	client.Transport = noted
	how := &externalaccount.Options{ //nolint:gosec // names of types and servers, and no credential
		Audience:             "identitynamespace:" + string(s.Credential.Audiences) + ":" + s.Mount,
		SubjectTokenType:     "urn:ietf:params:oauth:token-type:jwt",
		TokenURL:             "https://" + cmp.Or(l.config.STS, "sts."+universe()) + "/v1/token",
		SubjectTokenProvider: subject(token),
		Scopes:               []string{scope}, UniverseDomain: universe(), Client: &client, Logger: silent,
	}
	if s.Role != "" {
		how.ServiceAccountImpersonationURL = "https://" + cmp.Or(l.config.IAM, "iamcredentials."+universe()) +
			"/v1/projects/-/serviceAccounts/" + url.PathEscape(s.Role) + ":generateAccessToken"
	}
	found, err := externalaccount.NewCredentials(how)
	if err != nil {
		return nil, err
	}
	return &held{Credentials: found, payer: func(context.Context) string { return "" }, asked: noted.host}, nil
}

// subject is the token of a ServiceAccount.
type subject string

// SubjectToken implements externalaccount.SubjectTokenProvider.
func (s subject) SubjectToken(context.Context, *externalaccount.RequestOptions) (string, error) {
	return string(s), nil
}

// noting notes which host was asked at last, since the SDK's errors do not say.
type noting struct {
	next http.RoundTripper
	last atomic.Pointer[string]
}

// RoundTrip implements http.RoundTripper.
func (n *noting) RoundTrip(r *http.Request) (*http.Response, error) {
	n.last.Store(&r.URL.Host)
	return n.next.RoundTrip(r)
}

func (n *noting) host() string {
	if last := n.last.Load(); last != nil {
		return *last
	}
	return ""
}
