package awsparameterstore

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/backendtest"
)

func TestWhatUsersAreTold(t *testing.T) {
	const from = "from systemManager in region eu-west-1: "
	call := func(operation string, err error) error {
		return &smithy.OperationError{ServiceID: "SSM", OperationName: operation, Err: err}
	}
	denied := &smithy.GenericAPIError{Code: "AccessDeniedException"}
	for name, test := range map[string]struct {
		read plan.Read
		err  error
		want string
	}{
		"a parameter that may not be read": {
			plan.Read{Key: "/a:3"}, call("GetParameter", denied),
			`cannot read key "/a:3" ` + from + `access denied: AccessDeniedException; ` +
				`allow ssm:GetParameter on the parameter, and kms:Decrypt on its key, to the syncer's own identity`,
		},
		"a path that may not be walked": {
			plan.Read{Key: "/a", Path: true}, call("GetParametersByPath", denied),
			`cannot read path "/a" ` + from + `access denied: AccessDeniedException; ` +
				`allow ssm:GetParametersByPath on the path, and kms:Decrypt on its key, to the syncer's own identity`,
		},
		"a key of a parameter below a path that is disabled": {
			plan.Read{Key: "/a", Path: true}, call("GetParametersByPath", &types.InvalidKeyId{}),
			`cannot read path "/a" ` + from + `access denied: InvalidKeyId; ` +
				`allow kms:Decrypt on the key of each parameter below the path to the syncer's own identity, and see that the keys are enabled`,
		},
		"the key of a parameter that is disabled": {
			plan.Read{Key: "/a"}, call("GetParameter", &types.InvalidKeyId{}),
			`cannot read key "/a" ` + from + `access denied: InvalidKeyId; ` +
				`allow ssm:GetParameter on the parameter, and kms:Decrypt on its key, to the syncer's own identity`,
		},
		"a batch that is denied": {
			plan.Read{}, call("GetParameters", denied),
			`cannot read a batch of keys ` + from + `access denied: AccessDeniedException; ` +
				`allow ssm:GetParameters on each parameter, and kms:Decrypt on its key, to the syncer's own identity`,
		},
		"a parameter that is not there": {
			plan.Read{Key: "/a:3"}, call("GetParameter", &types.ParameterNotFound{}),
			`cannot read key "/a:3" ` + from + `not found: ParameterNotFound; check the name, the region, and the version or label after the colon`,
		},
		"a path with nothing below it": {
			plan.Read{Key: "/a", Path: true}, nothingBelow(plan.Read{Key: "/a", Path: true}),
			`cannot read path "/a" ` + from + `not found: no parameter is below /a; ` +
				`check the path, or set {recursive}; a parameter itself is read by its key`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			source := plan.Source{Store: plan.Store{Backend: backends.AWSParameterStore, Location: "eu-west-1"}, Read: test.read}
			if diff := cmp.Diff(test.want, backendtest.Message(t, &Driver{}, source, test.err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}
