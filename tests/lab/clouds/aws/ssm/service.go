// Package ssm emulates the Parameter Store of AWS Systems Manager: the operations behind X-Amz-Target
// AmazonSSM.*, as the Systems Manager API Reference describes them. Filters but those of DescribeParameters by path and tag, policies,
// shared parameters and references to Secrets Manager are not emulated and are refused.
package ssm

import (
	"encoding/json"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/api"
)

// Service is one account's Parameter Store in all regions.
type Service struct {
	store      store
	operations map[string]api.Operation
}

// New returns an empty Parameter Store of an account.
func New(account string) *Service {
	s := &Service{store: store{account: account}}
	s.operations = map[string]api.Operation{
		"DeleteParameter":       api.Typed(s.deleteParameter),
		"DescribeParameters":    api.Typed(s.describeParameters),
		"GetParameter":          api.Typed(s.getParameter),
		"GetParameters":         api.Typed(s.getParameters),
		"GetParametersByPath":   api.Typed(s.getParametersByPath),
		"LabelParameterVersion": api.Typed(s.labelParameterVersion),
		"PutParameter":          api.Typed(s.putParameter),
	}
	return s
}

// Has reports whether the operation is emulated.
func (s *Service) Has(name string) bool { return s.operations[name] != nil }

// Handle runs an operation on a request body and returns what to answer as JSON, or an *api.Error.
func (s *Service) Handle(call api.Call, name string, body []byte) (any, error) {
	return s.operations[name](call, body)
}

// Keys lists what a request's parameters go by, for faults: names as they came and without their selectors, and paths.
func (s *Service) Keys(call api.Call, body []byte) []string {
	var in struct {
		Name, Path string
		Names      []string
	}
	if json.Unmarshal(body, &in) != nil {
		return nil
	}
	var keys []string
	for _, id := range append(in.Names, in.Name, in.Path) {
		if id == "" {
			continue
		}
		keys = append(keys, id)
		if name := s.store.parse(call.Region, id).name; name != id {
			keys = append(keys, name)
		}
	}
	return keys
}
