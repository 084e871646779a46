package ssm

import (
	"crypto/rand"
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/api"
)

// maxNames is how many names one GetParameters takes, maxPage how many parameters one page of a path has.
const maxNames, maxPage = 10, 10

// awsKey is the key that AWS keeps for SecureStrings: any caller that may read a parameter may use it.
const awsKey = "alias/aws/ssm"

func (s *Service) getParameter(call api.Call, in getParameterInput) (any, error) {
	if in.Name == "" {
		return nil, api.Validation("name", "", "Member must not be null")
	}
	ref := s.store.parse(call.Region, in.Name)
	if err := call.Authorize("ssm:GetParameter", s.store.arn(call.Region, ref.name)); err != nil {
		return nil, err
	}
	if err := checkName(ref.name); err != nil {
		return nil, err
	}
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	p := s.store.regions[call.Region][ref.name]
	if p == nil {
		return nil, &api.Error{Code: "ParameterNotFound"} // AWS says no more
	}
	v := p.choose(ref.selector)
	if v == nil {
		return nil, api.Errorf("ParameterVersionNotFound",
			"Systems Manager could not find version %s of %s. Verify the version and try again.", ref.selector, ref.name)
	}
	out, err := s.output(call, p, v, ref.selector, in.WithDecryption)
	if err != nil {
		return nil, err
	}
	return getParameterOutput{Parameter: out}, nil
}

// getParameters needs its own permission, on each parameter: one that is not allowed denies all. What does not exist is told
// by its name and harms no other.
func (s *Service) getParameters(call api.Call, in getParametersInput) (any, error) {
	if len(in.Names) < 1 || len(in.Names) > maxNames {
		return nil, api.Validation("names", strconv.Itoa(len(in.Names))+" names", "Member must have length between 1 and 10")
	}
	for _, id := range in.Names {
		if err := call.Authorize("ssm:GetParameters", s.store.arn(call.Region, s.store.parse(call.Region, id).name)); err != nil {
			return nil, err
		}
	}
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	out := getParametersOutput{Parameters: []parameterOutput{}, InvalidParameters: []string{}}
	for _, id := range in.Names {
		ref := s.store.parse(call.Region, id)
		if err := checkName(ref.name); err != nil {
			return nil, err
		}
		var v *version
		p := s.store.regions[call.Region][ref.name]
		if p != nil {
			v = p.choose(ref.selector)
		}
		if v == nil {
			out.InvalidParameters = append(out.InvalidParameters, id)
			continue
		}
		one, err := s.output(call, p, v, ref.selector, in.WithDecryption)
		if err != nil {
			return nil, err
		}
		out.Parameters = append(out.Parameters, one)
	}
	slices.SortStableFunc(out.Parameters, func(a, b parameterOutput) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// getParametersByPath needs its own permission on the path, and no other: a caller that may read a path reads all levels below.
func (s *Service) getParametersByPath(call api.Call, in getParametersByPathInput) (any, error) {
	if err := call.Authorize("ssm:GetParametersByPath", s.store.arn(call.Region, in.Path)); err != nil {
		return nil, err
	}
	size := maxPage
	if in.MaxResults != nil {
		size = *in.MaxResults
	}
	switch {
	case len(in.ParameterFilters) > 0:
		return nil, api.Errorf("InvalidFilterKey", "This emulator does not support ParameterFilters.")
	case size < 1 || size > maxPage:
		return nil, api.Validation("maxResults", strconv.Itoa(size), "Member must have value between 1 and 10")
	case !strings.HasPrefix(in.Path, "/") || in.Path != "/" && checkName(strings.TrimSuffix(in.Path, "/")) != nil:
		return nil, api.Errorf("ValidationException",
			`The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash "/".`)
	}
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	names := s.store.below(call.Region, strings.TrimSuffix(in.Path, "/")+"/", in.Recursive)
	page, ok := api.PageOf(len(names), size, in.NextToken)
	if !ok {
		return nil, api.Errorf("InvalidNextToken", "The specified token isn't valid.")
	}
	out := getParametersByPathOutput{Parameters: []parameterOutput{}, NextToken: page.Next}
	for _, name := range names[page.Start:page.End] {
		p := s.store.regions[call.Region][name]
		one, err := s.output(call, p, p.newest(), "", in.WithDecryption)
		if err != nil {
			return nil, err
		}
		out.Parameters = append(out.Parameters, one)
	}
	return out, nil
}

// below lists the names below a path that ends in a slash, sorted. The caller holds the lock.
func (s *store) below(region, path string, recursive bool) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(s.regions[region])) {
		if rest, ok := strings.CutPrefix(name, path); ok && (recursive || !strings.Contains(rest, "/")) {
			names = append(names, name)
		}
	}
	return names
}

func (s *Service) output(call api.Call, p *parameter, v *version, selector string, decrypt bool) (parameterOutput, error) {
	out := parameterOutput{
		ARN: s.store.arn(call.Region, p.name), Name: p.name, Type: v.kind, Value: v.value, Version: v.number,
		LastModifiedDate: api.Epoch(v.modified), DataType: "text",
	}
	if selector != "" {
		out.Selector = ":" + selector
	}
	if v.kind != "SecureString" {
		return out, nil
	}
	if !decrypt {
		sealed := make([]byte, 64)
		rand.Read(sealed) // never fails
		out.Value = "AQICAHg" + base64.StdEncoding.EncodeToString(sealed)
		return out, nil
	}
	if v.keyID != "" && v.keyID != awsKey {
		return out, call.Authorize("kms:Decrypt", v.keyID)
	}
	return out, nil
}
