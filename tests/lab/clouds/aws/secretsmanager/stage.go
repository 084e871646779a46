package secretsmanager

import (
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/api"
)

func (s *Service) updateSecretVersionStage(call api.Call, in updateSecretVersionStageInput) (any, error) {
	if err := s.authorize(call, "UpdateSecretVersionStage", in.SecretID); err != nil {
		return nil, err
	}
	if in.VersionStage == "" || len(in.VersionStage) > 256 {
		return nil, api.Validation("versionStage", in.VersionStage, "Member must have length between 1 and 256")
	}
	if in.RemoveFromVersionID == "" && in.MoveToVersionID == "" {
		return nil, invalidParameter("You must provide RemoveFromVersionId, MoveToVersionId, or both.")
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	sec, err := s.writable(call, in.SecretID)
	if err != nil {
		return nil, err
	}
	if err := sec.restage(in); err != nil {
		return nil, err
	}
	sec.changed = call.Now
	return secretOutput{ARN: sec.arn, Name: sec.name}, nil
}

// restage moves or removes one staging label. The version that has the label now must be named, so that two
// rotations that do not know of each other cannot undo one another.
func (s *secret) restage(in updateSecretVersionStageInput) error {
	holder := s.withStage(in.VersionStage)
	for _, id := range []string{in.RemoveFromVersionID, in.MoveToVersionID} {
		if id != "" && s.withID(id) == nil {
			return api.Errorf("ResourceNotFoundException", "Secrets Manager can't find the specified secret version: %s.", id)
		}
	}
	to := s.withID(in.MoveToVersionID)
	if holder != nil && holder == to {
		return nil
	}
	if in.RemoveFromVersionID != "" && (holder == nil || holder.id != in.RemoveFromVersionID) {
		return invalidParameter("Staging label %s is not attached to version %s.", in.VersionStage, in.RemoveFromVersionID)
	}
	if in.RemoveFromVersionID == "" && holder != nil {
		return invalidParameter("The parameter RemoveFromVersionId can't be empty. Staging label %s is currently attached to version %s, "+
			"so you must explicitly reference that version in RemoveFromVersionId.", in.VersionStage, holder.id)
	}
	if to == nil {
		if in.VersionStage == current {
			return invalidParameter("You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.")
		}
		holder.unlabel(in.VersionStage)
		return nil
	}
	if len(to.stages) >= maxStages {
		return api.Errorf("LimitExceededException", "You exceeded the maximum number of staging labels allowed on a version.")
	}
	s.move(in.VersionStage, to)
	return nil
}
