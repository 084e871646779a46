package release

import (
	"context"
	"fmt"
	"os/exec"
	"strings"

	slsa "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
)

// Repository is where the source is.
const Repository = "https://github.com/secretgate/secretgate"

// buildType says what the parameters in provenance mean.
const buildType = Repository + "/blob/main/kustomize/docs/verify.md#provenance"

// Builder is what builds a release. The zero value is a checkout on a machine of a maintainer.
type Builder struct {
	// ID is a URI of what is trusted to build as it says, such as a workflow at a tag. Invocation is that of one run of it.
	ID, Invocation string
}

// BuilderOf is the workflow of GitHub that runs this, as its environment says; or the zero value.
func BuilderOf(getenv func(string) string) Builder {
	server, workflow := getenv("GITHUB_SERVER_URL"), getenv("GITHUB_WORKFLOW_REF")
	if server == "" || workflow == "" {
		return Builder{}
	}
	return Builder{
		ID: server + "/" + workflow,
		Invocation: fmt.Sprintf("%s/%s/actions/runs/%s/attempts/%s",
			server, getenv("GITHUB_REPOSITORY"), getenv("GITHUB_RUN_ID"), getenv("GITHUB_RUN_ATTEMPT")),
	}
}

// provenance is a predicate of SLSA v1.0 (https://slsa.dev/spec/v1.0/provenance): what built the release, of which source, with which
// Go, and how anyone builds it again.
func (r Release) provenance(ctx context.Context) ([]byte, error) {
	goVersion, err := r.goVersion(ctx)
	if err != nil {
		return nil, err
	}
	var platforms []any
	for _, platform := range r.Platforms {
		platforms = append(platforms, platform.String())
	}
	parameters, err := structpb.NewStruct(map[string]any{
		"version": r.Version, "registry": r.Prefix, "platforms": platforms, "go": goVersion,
		"rebuild": "GOTOOLCHAIN=" + goVersion + " make verify-release VERSION=" + r.Version + " REGISTRY=" + r.Prefix,
	})
	if err != nil {
		return nil, err
	}
	builder := &slsa.Builder{Id: r.Builder.ID, Version: map[string]string{"go": goVersion}}
	if builder.GetId() == "" {
		builder.Id = Repository + "/blob/main/CONTRIBUTING.md#release"
	}
	predicate := &slsa.Provenance{
		BuildDefinition: &slsa.BuildDefinition{
			BuildType: buildType, ExternalParameters: parameters,
			ResolvedDependencies: []*intoto.ResourceDescriptor{{
				Uri: "git+" + Repository + "@refs/tags/" + r.Version, Digest: map[string]string{"gitCommit": r.Revision},
			}},
		},
		RunDetails: &slsa.RunDetails{Builder: builder, Metadata: &slsa.BuildMetadata{InvocationId: r.Builder.Invocation}},
	}
	if err := predicate.Validate(); err != nil {
		return nil, fmt.Errorf("the provenance is not whole: %w", err)
	}
	return protojson.Marshal(predicate)
}

// goVersion is the Go that builds the programs, such as go1.26.1.
func (r Release) goVersion(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "env", "GOVERSION")
	cmd.Dir = r.Root
	said, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("the version of Go cannot be found: %w", err)
	}
	return strings.TrimSpace(string(said)), nil
}
