package ssm

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/api"
)

// maxDescribed is how many parameters one page of DescribeParameters has.
const maxDescribed = 50

// parameterFilter is a condition on parameters: of Path, or of a tag by tag:<key>.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ParameterStringFilter.html
type parameterFilter struct {
	Key, Option string
	Values      []string
}

func (f parameterFilter) check() error {
	key, isTag := strings.CutPrefix(f.Key, "tag:")
	switch {
	case f.Key != "Path" && (!isTag || key == ""):
		return api.Errorf("InvalidFilterKey", "This emulator filters by Path and tag:<key> alone, not by %q.", f.Key)
	case isTag && f.Option != "" && f.Option != "Equals", f.Key == "Path" && f.Option != "Recursive" && f.Option != "OneLevel":
		return api.Errorf("InvalidFilterOption", "The following filter option is not valid: %s.", f.Option)
	case len(f.Values) == 0:
		return api.Errorf("InvalidFilterValue", "The following filter values are missing: %s.", f.Key)
	case f.Key == "Path" && !strings.HasPrefix(f.Values[0], "/"):
		return api.Errorf("ValidationException", `The parameter path must begin with a forward slash "/".`)
	}
	return nil
}

// takes reports whether the filter takes a parameter: with one of the values exactly.
func (f parameterFilter) takes(p *parameter) bool {
	if key, isTag := strings.CutPrefix(f.Key, "tag:"); isTag {
		value, tagged := p.tags[key]
		return tagged && slices.Contains(f.Values, value)
	}
	return slices.ContainsFunc(f.Values, func(path string) bool {
		rest, below := strings.CutPrefix(p.name, strings.TrimSuffix(path, "/")+"/")
		return below && (f.Option == "Recursive" || !strings.Contains(rest, "/"))
	})
}

// describeParameters needs its own permission, on all resources, and tells no values.
func (s *Service) describeParameters(call api.Call, in describeParametersInput) (any, error) {
	if err := call.Authorize("ssm:DescribeParameters", "*"); err != nil {
		return nil, err
	}
	size := maxDescribed
	if in.MaxResults != nil {
		size = *in.MaxResults
	}
	switch {
	case len(in.Filters) > 0:
		return nil, api.Errorf("InvalidFilterKey", "This emulator does not support Filters: give ParameterFilters.")
	case size < 1 || size > maxDescribed:
		return nil, api.Validation("maxResults", strconv.Itoa(size), "Member must have value between 1 and 50")
	}
	for _, f := range in.ParameterFilters {
		if err := f.check(); err != nil {
			return nil, err
		}
	}
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	all := s.store.regions[call.Region]
	var names []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !slices.ContainsFunc(in.ParameterFilters, func(f parameterFilter) bool { return !f.takes(all[name]) }) {
			names = append(names, name)
		}
	}
	page, ok := api.PageOf(len(names), size, in.NextToken)
	if !ok {
		return nil, api.Errorf("InvalidNextToken", "The specified token isn't valid.")
	}
	out := describeParametersOutput{Parameters: []described{}, NextToken: page.Next}
	for _, name := range names[page.Start:page.End] {
		v := all[name].newest()
		out.Parameters = append(out.Parameters, described{
			ARN: s.store.arn(call.Region, name), Name: name, Type: v.kind, KeyID: v.keyID, Version: v.number,
			LastModifiedDate: api.Epoch(v.modified), DataType: "text",
		})
	}
	return out, nil
}
