package awssession

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/secretgate/secretgate/syncer/backend/awserror"
)

// sessionTags are those of a session: what its Store says, and the tenant on whose behalf it reads. The tenant's are not transitive: the
// session assumes no further role. They can collide with none that the syncer's own session has, since those of EKS Pod Identity have
// other keys, nor with the Store's, which must have others.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
func (o options) sessionTags() []types.Tag {
	var all []types.Tag
	for _, tag := range o.tags.Texts() {
		key, value, _ := strings.Cut(tag, "=")
		all = append(all, types.Tag{Key: &key, Value: &value})
	}
	if o.tenant.Namespace != "" {
		all = append(all, types.Tag{Key: aws.String(awserror.TagNamespace), Value: &o.tenant.Namespace})
	}
	if o.tenant.Name != "" {
		all = append(all, types.Tag{Key: aws.String(awserror.TagName), Value: &o.tenant.Name})
	}
	return all
}
