package ssm

import "github.com/secretgate/secretgate/tests/lab/clouds/aws/api"

// The shapes of requests and answers. Requests decode without regard to case, so KeyID takes KeyId.

type getParameterInput struct {
	Name           string
	WithDecryption bool
}

type getParametersInput struct {
	Names          []string
	WithDecryption bool
}

type getParametersByPathInput struct {
	Path             string
	Recursive        bool
	WithDecryption   bool
	MaxResults       *int
	NextToken        string
	ParameterFilters []any
}

type describeParametersInput struct {
	Filters          []any // of old
	ParameterFilters []parameterFilter
	MaxResults       *int
	NextToken        string
}

type putParameterInput struct {
	Name, Value, Type, KeyID, Tier string
	Overwrite                      bool
}

type labelParameterVersionInput struct {
	Name             string
	ParameterVersion int64
	Labels           []string
}

type nameInput struct{ Name string }

type parameterOutput struct {
	ARN              string
	Name             string
	Type             string
	Value            string
	Version          int64
	Selector         string `json:",omitempty"`
	LastModifiedDate api.Epoch
	DataType         string
}

type getParameterOutput struct{ Parameter parameterOutput }

type getParametersOutput struct {
	Parameters        []parameterOutput
	InvalidParameters []string
}

type getParametersByPathOutput struct {
	Parameters []parameterOutput
	NextToken  string `json:",omitempty"`
}

// described is a parameter without its value, and without its tags.
type described struct {
	ARN              string
	Name             string
	Type             string
	KeyID            string `json:"KeyId,omitempty"`
	Version          int64
	LastModifiedDate api.Epoch
	DataType         string
}

type describeParametersOutput struct {
	Parameters []described
	NextToken  string `json:",omitempty"`
}

type putParameterOutput struct {
	Version int64
	Tier    string
}

type labelParameterVersionOutput struct {
	InvalidLabels    []string
	ParameterVersion int64
}
