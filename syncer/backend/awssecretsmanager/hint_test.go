package awssecretsmanager

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
	"github.com/secretgate/secretgate/syncer/backend/backendtest"
)

func TestWhatUsersAreTold(t *testing.T) {
	const as = "secretsManager in region eu-west-1 as arn:aws:iam::123456789012:role/a"
	store := plan.Store{Backend: backends.AWSSecretsManager, Location: "eu-west-1", Role: "arn:aws:iam::123456789012:role/a"}
	tagged := store
	tagged.Tenant = plan.Tenant{Namespace: "core"}
	of := func(read plan.Read) plan.Source { return plan.Source{Store: store, Read: read} }
	call := func(operation string, err error) error {
		return &smithy.OperationError{ServiceID: "Secrets Manager", OperationName: operation, Err: err}
	}
	missing := call("GetSecretValue", &types.ResourceNotFoundException{})
	denied := call("GetSecretValue", &smithy.GenericAPIError{Code: "AccessDeniedException"})
	fromSTS := func(operation, message string) error {
		return &awserror.CredentialsError{Err: &smithy.OperationError{
			ServiceID: "STS", OperationName: operation, Err: &smithy.GenericAPIError{Code: "AccessDenied", Message: message},
		}}
	}
	for name, test := range map[string]struct {
		source plan.Source
		err    error
		want   string
	}{
		"a version id is named, the default label is not": {
			of(plan.Read{Key: "db", VersionID: "v1"}), missing,
			`cannot read key "db" (version v1) from ` + as + `: not found: ResourceNotFoundException; ` +
				`check the key, the region, and the version or staging label`,
		},
		"a role that may not be assumed": {
			of(plan.Read{Key: "db", VersionStage: "AWSCURRENT"}), fromSTS("AssumeRole", "not authorized to perform: sts:AssumeRole"),
			`cannot read key "db" from ` + as + `: access denied: no session: AccessDenied: not authorized to perform: sts:AssumeRole; ` +
				`let the syncer's identity assume the role: in the role's trust policy, and with sts:AssumeRole in its own`,
		},
		"a web identity that the role does not accept": {
			of(plan.Read{Key: "db"}), fromSTS("AssumeRoleWithWebIdentity", "Not authorized to perform sts:AssumeRoleWithWebIdentity"),
			`cannot read key "db" from ` + as + `: access denied: no session: AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity; ` +
				`let the trust policy of the role in AWS_ROLE_ARN accept the issuer, audience and subject of the syncer's service-account token`,
		},
		"a role that may not read": {
			of(plan.Read{Key: "db", VersionStage: "AWSPREVIOUS"}), denied,
			`cannot read key "db" (stage AWSPREVIOUS) from ` + as + `: access denied: AccessDeniedException; ` +
				`allow secretsmanager:GetSecretValue on the secret, and kms:Decrypt on its key, to arn:aws:iam::123456789012:role/a`,
		},
		"a role that may not read on behalf of a namespace": {
			plan.Source{Store: tagged, Read: plan.Read{Key: "db"}}, denied,
			`cannot read key "db" from ` + as + `: access denied: AccessDeniedException; allow secretsmanager:GetSecretValue on the secret, ` +
				`and kms:Decrypt on its key, to arn:aws:iam::123456789012:role/a with session tag secretgate:namespace=core`,
		},
		"no role where sessions are tagged": {
			plan.Source{Store: plan.Store{Backend: store.Backend, Location: "eu-west-1", Tenant: tagged.Tenant}, Read: plan.Read{Key: "db"}},
			awserror.ErrNoRole,
			`cannot read key "db" from secretsManager in region eu-west-1: not a valid request: no role is given, and the syncer's own AWS session ` +
				`cannot be tagged; set {role}, or AWS_INTERMEDIATE_ROLE_ARN of the syncer for objects that name none, or leave its ` +
				`--aws-session-tags out`,
		},
		"an identity of the syncer's own that may not read": {
			plan.Source{Store: plan.Store{Backend: store.Backend, Location: "eu-west-1"}, Read: plan.Read{Key: "db"}}, denied,
			`cannot read key "db" from secretsManager in region eu-west-1: access denied: AccessDeniedException; ` +
				`allow secretsmanager:GetSecretValue on the secret, and kms:Decrypt on its key, to the syncer's own identity`,
		},
		"an item of a batch that is denied": {
			of(plan.Read{Key: "db"}), &awserror.ItemError{Code: "AccessDeniedException"},
			`cannot read key "db" from ` + as + `: access denied: AccessDeniedException; ` +
				`allow secretsmanager:GetSecretValue on the secret, and kms:Decrypt on its key, to arn:aws:iam::123456789012:role/a`,
		},
		"a batch that is denied": {
			of(plan.Read{}), call("BatchGetSecretValue", &smithy.GenericAPIError{Code: "AccessDeniedException"}),
			`cannot read a batch of keys from ` + as + `: access denied: AccessDeniedException; ` +
				`allow secretsmanager:BatchGetSecretValue on *, secretsmanager:GetSecretValue on each secret, and kms:Decrypt on its key, ` +
				`to arn:aws:iam::123456789012:role/a`,
		},
		"an ARN of another region": {
			of(plan.Read{Key: "arn:aws:secretsmanager:eu-west-2:123456789012:secret:db"}), missing,
			`cannot read key "arn:aws:secretsmanager:eu-west-2:123456789012:secret:db" from ` + as + `: not found: ResourceNotFoundException; ` +
				`the key is an ARN of another region: set {location} to eu-west-2`,
		},
		"an ARN of the same region": {
			of(plan.Read{Key: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db"}), missing,
			`cannot read key "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db" from ` + as + `: not found: ResourceNotFoundException; ` +
				`check the key, the region, and the version or staging label`,
		},
		"a request that AWS does not take": {
			of(plan.Read{Key: "db"}), call("GetSecretValue", &types.InvalidParameterException{}),
			`cannot read key "db" from ` + as + `: failed: InvalidParameterException; it is tried again: look into the backend's own logs if this goes on`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, backendtest.Message(t, &Driver{}, test.source, test.err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}
