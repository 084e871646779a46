package awssession

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awserror"
)

// tags are those of a session that reads on behalf of a tenant. They are not transitive: the session assumes no further role. They can
// collide with none that the syncer's own session has, since those of EKS Pod Identity have other keys.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
func tags(tenant plan.Tenant) []types.Tag {
	var all []types.Tag
	if tenant.Namespace != "" {
		all = append(all, types.Tag{Key: aws.String(awserror.TagNamespace), Value: &tenant.Namespace})
	}
	if tenant.Name != "" {
		all = append(all, types.Tag{Key: aws.String(awserror.TagName), Value: &tenant.Name})
	}
	return all
}
