package gcpsecretmanager

import (
	"strings"
	"testing"

	"cloud.google.com/go/compute/metadata"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/backendtest"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/gcpsecretmanager/login"
)

const (
	grantRole = "give the syncer's own identity the role roles/secretmanager.secretAccessor on the secret"
	fixKey    = "enable the key, and give Secret Manager's service agent the role roles/cloudkms.cryptoKeyEncrypterDecrypter on it"
)

// TestWhatUsersAreToldOfTheServicesAnswers reads a service that refuses: what tells one denial from another must come through gRPC.
func TestWhatUsersAreToldOfTheServicesAnswers(t *testing.T) {
	s, d := serve(t, accountKey(t, "own"))
	client := &backend.Client{Drivers: map[plan.Backend]driver.Driver{backends.GCPSecretManager: d}}
	for name, test := range map[string]struct {
		code    codes.Code
		message string
		domain  string
		reason  string
		want    string
	}{
		"a secret that is not there": {
			codes.NotFound, "m", "", "", "not found: m; check the key, {container}, and that the version exists and is enabled",
		},
		"an identity without a role": {
			codes.PermissionDenied, "Permission 'secretmanager.versions.access' denied for resource 'projects/p/secrets/db/versions/latest'",
			"iam.googleapis.com", "IAM_PERMISSION_DENIED",
			"access denied: Permission 'secretmanager.versions.access' denied for resource 'projects/p/secrets/db/versions/latest'; " + grantRole,
		},
		"a denial without a reason": {codes.PermissionDenied, "m", "", "", "access denied: m; " + grantRole},
		"an API that is not enabled": {
			codes.PermissionDenied, "m", "googleapis.com", "SERVICE_DISABLED",
			"access denied: m; enable the API secretmanager.googleapis.com in the project",
		},
		"a token that is not for this API": {
			codes.PermissionDenied, "m", "googleapis.com", "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
			"access denied: m; give the syncer's nodes the scope cloud-platform, or the syncer workload identity",
		},
		"a project that would pay, but not for this identity": {
			codes.PermissionDenied, "m", "googleapis.com", "USER_PROJECT_DENIED",
			"access denied: m; give the syncer's own identity the role roles/serviceusage.serviceUsageConsumer in the project that pays " +
				"(quota_project_id in the credentials, or GOOGLE_CLOUD_QUOTA_PROJECT)",
		},
		"a reason of another's": {codes.PermissionDenied, "m", "example.com", "SERVICE_DISABLED", "access denied: m; " + grantRole},
		"a key of KMS's that is disabled": {
			codes.FailedPrecondition, "m", "", "", "access denied: m; " + fixKey,
		},
		"a key of KMS's that Secret Manager may not use": {
			codes.PermissionDenied, "denied on projects/p/locations/l/keyRings/r/cryptoKeys/k", "", "",
			"access denied: denied on projects/p/locations/l/keyRings/r/cryptoKeys/k; " + fixKey,
		},
		"a secret that is called like a key": {
			codes.PermissionDenied, "denied on projects/p/secrets/cryptoKeys", "", "", "access denied: denied on projects/p/secrets/cryptoKeys; " + grantRole,
		},
		"a token that the service does not take": {
			codes.Unauthenticated, "m", "googleapis.com", "ACCESS_TOKEN_EXPIRED",
			"not authenticated: m; give the syncer Google credentials: workload identity for its service account, " +
				"or a key file that GOOGLE_APPLICATION_CREDENTIALS names, whose key exists",
		},
	} {
		t.Run(name, func(t *testing.T) {
			refusal := status.New(test.code, test.message)
			if test.reason != "" {
				var err error
				if refusal, err = refusal.WithDetails(&errdetails.ErrorInfo{Domain: test.domain, Reason: test.reason}); err != nil {
					t.Fatal(err)
				}
			}
			s.refuse(refusal.Err())
			store := plan.Store{Backend: backends.GCPSecretManager, Container: "p"}
			_, err := client.Get(t.Context(), plan.Source{Store: store, Read: plan.Read{Key: "db", Version: "7"}})
			if err == nil {
				t.Fatal("it was read")
			}
			if diff := cmp.Diff(`cannot read key "db" (version 7) from gcpSecretsManager in project p: `+test.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatUsersAreToldOfCredentials(t *testing.T) {
	const read = `cannot read key "db" from gcpSecretsManager: `
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"an account that may not be acted as": {
			&login.Error{Found: true, Err: &metadata.Error{Code: 403, Message: "denied"}},
			"access denied: no credentials: the metadata server answered HTTP status 403: denied; " +
				"let the syncer's service account act as the one of Google: give it the role roles/iam.workloadIdentityUser on that",
		},
		"none at all": {
			&login.Error{Err: login.ErrNoCredentials},
			"not authenticated: no credentials: there is neither a credential file nor a metadata server; give the syncer Google credentials: " +
				"workload identity for its service account, or GOOGLE_APPLICATION_CREDENTIALS with a key file",
		},
		"no project": {
			errNoProject, "not a valid request: no project is given, and the syncer's credentials belong to none; " +
				"set {container}, or GOOGLE_CLOUD_PROJECT for the syncer",
		},
	} {
		t.Run(name, func(t *testing.T) {
			source := plan.Source{Store: plan.Store{Backend: backends.GCPSecretManager}, Read: plan.Read{Key: "db", Version: "latest"}}
			if diff := cmp.Diff(read+test.want, backendtest.Message(t, &Driver{}, source, test.err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatUsersOfStoresAreTold(t *testing.T) {
	account := plan.Credential{Kind: plan.AccountCredential, Namespace: "team", Name: "reader", Audiences: "p.svc.id.goog"}
	secret := plan.Credential{Kind: plan.SecretCredential, Namespace: "team", Name: "login", Key: "key.json"}
	const email = "reader@p.iam.gserviceaccount.com"
	unauthenticated := status.Error(codes.Unauthenticated, "m")
	for name, test := range map[string]struct {
		store plan.Store
		err   error
		want  string // what follows the project
	}{
		"a key that Google does not know": {
			plan.Store{Credential: secret}, unauthenticated, " as the credential in Secret team/login: not authenticated: m; " +
				"check that the key exists at Google, and is not disabled: it is the credential in Secret team/login",
		},
		"a cluster that Google does not know": {
			plan.Store{Credential: account, Role: email}, unauthenticated, " as " + email + ": not authenticated: m; check that the project, " +
				"the location and the name of the cluster in the store are those of this cluster, and that it has workload identity enabled; " +
				"and that the service account exists, if the store has one",
		},
		"a ServiceAccount that may not act": {
			plan.Store{Credential: account, Role: email}, &login.Error{Found: true, Err: &metadata.Error{Code: 403, Message: "m"}},
			" as " + email + ": access denied: no credentials: the metadata server answered HTTP status 403: m; let ServiceAccount team/reader act as " +
				email + ": give serviceAccount:p.svc.id.goog[team/reader] the role roles/iam.workloadIdentityUser on that",
		},
		"a search that lacks a right": {
			plan.Store{}, status.Error(codes.PermissionDenied, "m"), ": access denied: m; give the syncer's own identity the roles " +
				"roles/secretmanager.viewer and roles/secretmanager.secretAccessor on the project",
		},
		"one of a search that has no version": {
			plan.Store{}, &driver.ItemError{Name: "db-1", Err: status.Error(codes.NotFound, "m")}, ": unavailable: db-1: m; enable a version of it or " +
				"add one, or search for others, by their labels or by what their names begin with",
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.store.Backend, test.store.Container = backends.GCPSecretManager, "p"
			got := backendtest.Message(t, &Driver{}, plan.Source{Store: test.store, Read: plan.Read{Key: "db", Path: true}}, test.err)
			_, rest, _ := strings.Cut(got, " from gcpSecretsManager in project p")
			if diff := cmp.Diff(test.want, rest); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}
