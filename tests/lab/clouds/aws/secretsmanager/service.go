// Package secretsmanager emulates AWS Secrets Manager: the operations behind X-Amz-Target
// secretsmanager.*, as the Secrets Manager API Reference describes them. Replication, rotation by Lambda,
// resource policies and filters of batches are not emulated and are refused.
package secretsmanager

import (
	"encoding/json"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/api"
)

// Service is one account's Secrets Manager in all regions.
type Service struct {
	store      store
	operations map[string]api.Operation
}

// New returns an empty Secrets Manager of an account.
func New(account string) *Service {
	s := &Service{store: store{account: account}}
	s.operations = map[string]api.Operation{
		"BatchGetSecretValue":      api.Typed(s.batchGetSecretValue),
		"CreateSecret":             api.Typed(s.createSecret),
		"DeleteSecret":             api.Typed(s.deleteSecret),
		"DescribeSecret":           api.Typed(s.describeSecret),
		"GetSecretValue":           api.Typed(s.getSecretValue),
		"ListSecrets":              api.Typed(s.listSecrets),
		"ListSecretVersionIds":     api.Typed(s.listSecretVersionIDs),
		"PutSecretValue":           api.Typed(s.putSecretValue),
		"RestoreSecret":            api.Typed(s.restoreSecret),
		"UpdateSecret":             api.Typed(s.updateSecret),
		"UpdateSecretVersionStage": api.Typed(s.updateSecretVersionStage),
	}
	return s
}

// Has reports whether the operation is emulated.
func (s *Service) Has(name string) bool { return s.operations[name] != nil }

// Handle runs an operation on a request body and returns what to answer as JSON, or an *api.Error.
func (s *Service) Handle(call api.Call, name string, body []byte) (any, error) {
	return s.operations[name](call, body)
}

// Keys lists the names by which a request's secrets go, for faults: the ids as they came, and the names
// behind ARNs.
func (s *Service) Keys(call api.Call, body []byte) []string {
	var in struct {
		Name, SecretID string
		SecretIDList   []string
	}
	if json.Unmarshal(body, &in) != nil {
		return nil
	}
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	var keys []string
	for _, id := range append(in.SecretIDList, in.SecretID, in.Name) {
		if id == "" {
			continue
		}
		keys = append(keys, id)
		if sec := s.store.find(call.Region, id, call.Now); sec != nil && sec.name != id {
			keys = append(keys, sec.name)
		}
	}
	return keys
}

func notFound() error {
	return api.Errorf("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

func invalidParameter(format string, args ...any) error {
	return api.Errorf("InvalidParameterException", format, args...)
}

func invalidRequest(format string, args ...any) error {
	return api.Errorf("InvalidRequestException", format, args...)
}

func markedForDeletion() error {
	return invalidRequest("You can't perform this operation on the secret because it was marked for deletion.")
}

// authorize judges an action on the secret that an id means.
func (s *Service) authorize(call api.Call, action, id string) error {
	if id == "" {
		return api.Validation("secretId", "", "Member must not be null")
	}
	return call.Authorize("secretsmanager:"+action, s.store.resource(call.Region, id, call.Now))
}
