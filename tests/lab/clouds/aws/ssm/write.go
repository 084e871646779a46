package ssm

import (
	"cmp"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/api"
)

func (s *Service) putParameter(call api.Call, in putParameterInput) (any, error) {
	if err := call.Authorize("ssm:PutParameter", s.store.arn(call.Region, in.Name)); err != nil {
		return nil, err
	}
	if err := checkName(in.Name); err != nil {
		return nil, err
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	known := s.store.regions[call.Region][in.Name]
	tier := cmp.Or(in.Tier, "Standard")
	v := &version{kind: in.Type, keyID: in.KeyID, value: in.Value, modified: call.Now}
	switch {
	case known != nil && !in.Overwrite:
		return nil, api.Errorf("ParameterAlreadyExists",
			"The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	case known == nil && in.Type == "":
		return nil, api.Errorf("ValidationException", "A parameter type is required when you create a parameter.")
	case tier == "Standard" && len(in.Value) > 4096:
		return nil, api.Errorf("ValidationException", "Standard tier parameters support a maximum parameter value of 4096 characters. "+
			"To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier.")
	case known != nil && in.Type == "":
		v.kind = known.newest().kind
	}
	if err := v.check(); err != nil {
		return nil, err
	}
	if err := s.store.put(call.Region, in.Name, v); err != nil {
		return nil, err
	}
	return putParameterOutput{Version: v.number, Tier: tier}, nil
}

func (s *Service) labelParameterVersion(call api.Call, in labelParameterVersionInput) (any, error) {
	if err := call.Authorize("ssm:LabelParameterVersion", s.store.arn(call.Region, in.Name)); err != nil {
		return nil, err
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	p := s.store.regions[call.Region][in.Name]
	if p == nil {
		return nil, &api.Error{Code: "ParameterNotFound"}
	}
	v := p.newest()
	if in.ParameterVersion != 0 {
		v = nil
		for _, one := range p.versions {
			if one.number == in.ParameterVersion {
				v = one
			}
		}
	}
	if v == nil {
		return nil, api.Errorf("ParameterVersionNotFound",
			"Systems Manager could not find version %d of %s. Verify the version and try again.", in.ParameterVersion, in.Name)
	}
	out := labelParameterVersionOutput{InvalidLabels: []string{}, ParameterVersion: v.number}
	var valid []string
	for _, label := range in.Labels {
		if labelForm.MatchString(label) {
			valid = append(valid, label)
		} else {
			out.InvalidLabels = append(out.InvalidLabels, label)
		}
	}
	p.label(v, valid)
	return out, nil
}

func (s *Service) deleteParameter(call api.Call, in nameInput) (any, error) {
	if err := call.Authorize("ssm:DeleteParameter", s.store.arn(call.Region, in.Name)); err != nil {
		return nil, err
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if s.store.regions[call.Region][in.Name] == nil {
		return nil, &api.Error{Code: "ParameterNotFound"}
	}
	delete(s.store.regions[call.Region], in.Name)
	return struct{}{}, nil
}
