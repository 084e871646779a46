package secretsmanager

import (
	"regexp"
	"strconv"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/api"
)

const (
	maxValue  = 65536
	maxStages = 20
)

var nameForm = regexp.MustCompile(`^[A-Za-z0-9/_+=.@!-]{1,512}$`)

func (s *Service) createSecret(call api.Call, in createSecretInput) (any, error) {
	if !nameForm.MatchString(in.Name) {
		return nil, api.Errorf("ValidationException", "Invalid name. "+
			"Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	}
	if err := call.Authorize("secretsmanager:CreateSecret", s.store.prefix(call.Region)+in.Name); err != nil {
		return nil, err
	}
	if len(in.AddReplicaRegions) > 0 {
		return nil, invalidParameter("This emulator does not support AddReplicaRegions.")
	}
	if in.value().given() {
		if err := in.check(); err != nil {
			return nil, err
		}
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if old := s.store.find(call.Region, in.Name, call.Now); old != nil {
		return old.createAgain(in)
	}
	sec := s.store.insert(call.Region, in.Name, call.Now)
	sec.description, sec.kmsKeyID, sec.tags = in.Description, in.KmsKeyID, in.Tags
	out := secretOutput{ARN: sec.arn, Name: sec.name}
	if in.value().given() {
		sec.add(&version{id: in.ClientRequestToken, value: in.value(), created: call.Now}, nil)
		out.VersionID = in.ClientRequestToken
	}
	return out, nil
}

// createAgain answers CreateSecret for a name that is taken: fine if it is the same request sent twice.
func (s *secret) createAgain(in createSecretInput) (any, error) {
	if s.deleted() {
		return nil, invalidRequest("You can't create this secret because a secret with this name is already scheduled for deletion.")
	}
	if v := s.withID(in.ClientRequestToken); v != nil && v.value.equal(in.value()) {
		return secretOutput{ARN: s.arn, Name: s.name, VersionID: v.id}, nil
	}
	return nil, api.Errorf("ResourceExistsException", "The operation failed because the secret %s already exists.", s.name)
}

func (s *Service) putSecretValue(call api.Call, in putSecretValueInput) (any, error) {
	if err := s.authorize(call, "PutSecretValue", in.SecretID); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	if len(in.VersionStages) > maxStages {
		return nil, api.Validation("versionStages", strconv.Itoa(len(in.VersionStages))+" labels",
			"Member must have length less than or equal to 20")
	}
	stages := in.VersionStages
	if len(stages) == 0 {
		stages = []string{current}
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	sec, err := s.writable(call, in.SecretID)
	if err != nil {
		return nil, err
	}
	v, err := sec.put(in.newValue, stages, call.Now)
	if err != nil {
		return nil, err
	}
	return secretOutput{ARN: sec.arn, Name: sec.name, VersionID: v.id, VersionStages: v.stages}, nil
}

func (s *Service) updateSecret(call api.Call, in updateSecretInput) (any, error) {
	if err := s.authorize(call, "UpdateSecret", in.SecretID); err != nil {
		return nil, err
	}
	if in.value().given() {
		if err := in.check(); err != nil {
			return nil, err
		}
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	sec, err := s.writable(call, in.SecretID)
	if err != nil {
		return nil, err
	}
	out := secretOutput{ARN: sec.arn, Name: sec.name}
	if in.value().given() {
		v, err := sec.put(in.newValue, []string{current}, call.Now)
		if err != nil {
			return nil, err
		}
		out.VersionID = v.id
	}
	if in.Description != nil {
		sec.description = *in.Description
	}
	if in.KmsKeyID != nil {
		sec.kmsKeyID = *in.KmsKeyID
	}
	sec.changed = call.Now
	return out, nil
}

// writable finds a secret that is not deleted. The caller holds the lock for writing.
func (s *Service) writable(call api.Call, id string) (*secret, error) {
	sec := s.store.find(call.Region, id, call.Now)
	if sec == nil {
		return nil, notFound()
	}
	if sec.deleted() {
		return nil, markedForDeletion()
	}
	return sec, nil
}

// put adds a version under the client's token. The same token with the same value changes nothing.
func (s *secret) put(n newValue, stages []string, now time.Time) (*version, error) {
	if v := s.withID(n.ClientRequestToken); v != nil {
		if v.value.equal(n.value()) {
			return v, nil
		}
		return nil, api.Errorf("ResourceExistsException",
			"You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", n.ClientRequestToken, s.arn)
	}
	v := &version{id: n.ClientRequestToken, value: n.value(), created: now}
	s.add(v, stages)
	return v, nil
}

// check judges a value that is to be written, and never quotes it.
func (n newValue) check() error {
	switch {
	case n.SecretString != nil && n.SecretBinary != nil:
		return invalidParameter("You can't specify both a binary secret value and a string secret value in the same secret.")
	case !n.value().given():
		return invalidRequest("You must provide either SecretString or SecretBinary.")
	case n.SecretString != nil && (*n.SecretString == "" || len(*n.SecretString) > maxValue):
		return api.Validation("secretString", "***", "Member must have length between 1 and 65536")
	case n.SecretString == nil && (len(n.SecretBinary) == 0 || len(n.SecretBinary) > maxValue):
		return api.Validation("secretBinary", "***", "Member must have length between 1 and 65536")
	case n.ClientRequestToken == "":
		return invalidRequest("You must provide a ClientRequestToken value. We recommend a UUID-type value.")
	case len(n.ClientRequestToken) < 32 || len(n.ClientRequestToken) > 64:
		return invalidParameter("ClientRequestToken must be 32-64 characters long.")
	}
	return nil
}
