package release

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// checkProvenance compares what is attested of an image with what built it.
func checkProvenance(t *testing.T, r Release, tool, public string) {
	image := digestOf(t, r, "syncer")
	said, err := verified(t, tool, public, checks(r.Dir, image)["provenance of the image"])
	if err != nil {
		t.Fatal(err)
	}
	var envelope struct {
		Payload string `json:"payload"`
	}
	if err := json.Unmarshal([]byte(said), &envelope); err != nil {
		t.Fatal(err)
	}
	text, err := base64.StdEncoding.DecodeString(envelope.Payload)
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	goVersion, err := r.goVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, digest, _ := strings.Cut(image.DigestStr(), ":")
	want := map[string]any{
		"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://slsa.dev/provenance/v1",
		"subject": []any{map[string]any{"name": r.Prefix + "/syncer", "digest": map[string]any{"sha256": digest}}},
		"predicate": map[string]any{
			"buildDefinition": map[string]any{
				"buildType": "https://github.com/secretgate/secretgate/blob/main/kustomize/docs/verify.md#provenance",
				"externalParameters": map[string]any{
					"version": "v1.2.3", "registry": r.Prefix, "platforms": []any{"linux/amd64"}, "go": goVersion,
					"rebuild": "GOTOOLCHAIN=" + goVersion + " make verify-release VERSION=v1.2.3 REGISTRY=" + r.Prefix,
				},
				"resolvedDependencies": []any{map[string]any{
					"uri":    "git+https://github.com/secretgate/secretgate@refs/tags/v1.2.3",
					"digest": map[string]any{"gitCommit": strings.Repeat("a", 40)},
				}},
			},
			"runDetails": map[string]any{
				"builder": map[string]any{
					"id": "https://github.com/secretgate/secretgate/blob/main/CONTRIBUTING.md#release", "version": map[string]any{"go": goVersion},
				},
				"metadata": map[string]any{},
			},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("provenance (-want +got):\n%s", diff)
	}
}

func TestBuilderOfAWorkflowIsTheWorkflowAtItsTag(t *testing.T) {
	workflow := map[string]string{
		"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "secretgate/secretgate", "GITHUB_RUN_ID": "7", "GITHUB_RUN_ATTEMPT": "2",
		"GITHUB_WORKFLOW_REF": "secretgate/secretgate/.github/workflows/release.yml@refs/tags/v1.2.3",
	}
	cases := []struct {
		name string
		env  map[string]string
		want Builder
	}{
		{"a workflow of GitHub", workflow, Builder{
			ID:         "https://github.com/secretgate/secretgate/.github/workflows/release.yml@refs/tags/v1.2.3",
			Invocation: "https://github.com/secretgate/secretgate/actions/runs/7/attempts/2",
		}},
		{"a machine of a maintainer", nil, Builder{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := BuilderOf(func(name string) string { return c.env[name] }); got != c.want {
				t.Errorf("got builder %+v, want %+v", got, c.want)
			}
		})
	}
}
