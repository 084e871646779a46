package awserror

import (
	"testing"

	"github.com/aws/smithy-go"

	"github.com/secretgate/secretgate/shared/plan"
)

// TestWhatToDoWhereARoleIsDenied names both ends, and what the role demands: the last one alone is assumed with what the store says.
func TestWhatToDoWhereARoleIsDenied(t *testing.T) {
	denied := &smithy.OperationError{ServiceID: "STS", OperationName: "AssumeRole", Err: &smithy.GenericAPIError{Code: "AccessDenied", Message: "m"}}
	at := func(role, by string) error { return &CredentialsError{Err: denied, Role: role, By: by} }
	with := plan.Login{Chain: "hop", ExternalID: "e", Tags: "a=b"}
	const both = "sts:AssumeRole and sts:TagSession"
	for name, test := range map[string]struct {
		err   error
		store plan.Store
		want  string
	}{
		"a role on the way": {
			at("hop", "ServiceAccount core/reader"), plan.Store{Role: "r", Login: with},
			"let ServiceAccount core/reader assume hop: sts:AssumeRole in the trust policy of the latter, and in the policy of the former",
		},
		"the last role": {
			at("r", "hop (by ServiceAccount core/reader)"), plan.Store{Role: "r", Login: with},
			"let hop (by ServiceAccount core/reader) assume r: " + both + " in the trust policy of the latter, which must accept " +
				"the store's external id and its session tags, and in the policy of the former",
		},
		"the last role of a store that names only a chain": {
			at("hop", "own"), plan.Store{Login: with},
			"let own assume hop: " + both + " in the trust policy of the latter, which must accept the store's external id and its session tags, " +
				"and in the policy of the former",
		},
		"a role that the syncer itself is to assume": {
			&CredentialsError{Err: denied}, plan.Store{Role: "r", Login: plan.Login{ExternalID: "e"}},
			"let the syncer's identity assume the role: sts:AssumeRole in the role's trust policy, which must accept the store's external id, and in its own",
		},
		"a role without anything": {
			&CredentialsError{Err: denied}, plan.Store{Role: "r"},
			"let the syncer's identity assume the role: in the role's trust policy, and with sts:AssumeRole in its own",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Hint(test.err, plan.Source{Store: test.store}); got != test.want {
				t.Errorf("got %q\nwant %q", got, test.want)
			}
		})
	}
}
