package credential

import (
	"context"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// Unchanged refuses a login whose role no longer stands where the cluster keeps it: a user who may edit that chooses the role, after policy
// has judged it. from is a plan.AnnotationCredential, and judged the role.
func (s Source) Unchanged(ctx context.Context, from plan.Credential, judged string) error {
	now, err := s(ctx, from)
	switch {
	case err != nil:
		return err
	case now != judged:
		return &driver.Error{
			Kind: driver.Denied,
			Problem: "the role of ServiceAccount " + driver.Word(from.Namespace) + "/" + driver.Word(from.Name) +
				" has changed since it was judged: it is judged again at the next attempt",
			Hint: "see that its namespace permits the role which annotation " + driver.Word(from.Key) + " names now",
		}
	}
	return nil
}
