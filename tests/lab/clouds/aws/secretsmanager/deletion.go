package secretsmanager

import (
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/api"
)

const day = 24 * time.Hour

func (s *Service) deleteSecret(call api.Call, in deleteSecretInput) (any, error) {
	if err := s.authorize(call, "DeleteSecret", in.SecretID); err != nil {
		return nil, err
	}
	days := 30
	if in.RecoveryWindowInDays != nil {
		days = *in.RecoveryWindowInDays
	}
	if in.ForceDeleteWithoutRecovery && in.RecoveryWindowInDays != nil {
		return nil, invalidParameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	}
	if days < 7 || days > 30 {
		return nil, invalidParameter("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	sec := s.store.find(call.Region, in.SecretID, call.Now)
	switch {
	case in.ForceDeleteWithoutRecovery && sec == nil:
		// A forced deletion of what is not there succeeds, says the API reference.
		return secretOutput{Name: in.SecretID, ARN: s.store.prefix(call.Region) + in.SecretID, DeletionDate: api.Epoch(call.Now)}, nil
	case sec == nil:
		return nil, notFound()
	case in.ForceDeleteWithoutRecovery:
		delete(s.store.regions[call.Region], sec.name)
		return secretOutput{Name: sec.name, ARN: sec.arn, DeletionDate: api.Epoch(call.Now)}, nil
	case sec.deleted():
		return nil, invalidRequest("You can't perform this operation on the secret because it was already scheduled for deletion.")
	}
	sec.deletedAt, sec.deleteAt = call.Now, call.Now.Add(time.Duration(days)*day)
	return secretOutput{Name: sec.name, ARN: sec.arn, DeletionDate: api.Epoch(sec.deleteAt)}, nil
}

func (s *Service) restoreSecret(call api.Call, in secretIDInput) (any, error) {
	if err := s.authorize(call, "RestoreSecret", in.SecretID); err != nil {
		return nil, err
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	sec := s.store.find(call.Region, in.SecretID, call.Now)
	if sec == nil {
		return nil, notFound()
	}
	sec.deletedAt, sec.deleteAt = time.Time{}, time.Time{}
	return secretOutput{Name: sec.name, ARN: sec.arn}, nil
}
