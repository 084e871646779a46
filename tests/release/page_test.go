package release

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/tests/docs/fence"
)

// withKey is a cosign that is called as the page says, for a release of the workflow, and verifies with a key: no test has a workflow's
// identity. The real one must know the flags that it replaces.
const withKey = `#!/usr/bin/env bash
set -eu
[ "$2" = --certificate-oidc-issuer=https://token.actions.githubusercontent.com ]
[ "$3" = --certificate-identity=https://github.com/secretgate/secretgate/.github/workflows/release.yml@refs/tags/v1.2.3 ]
"$COSIGN" "$1" "$2" "$3" --help > help
exec "$COSIGN" "$1" --key="$PUBLIC_KEY" --insecure-ignore-tlog "${@:4}"
`

// walkPage runs the commands of kustomize/docs/verify.md, in their order and in one shell, on a release that is served where its reader
// finds one. What make would do TestVerify does.
func walkPage(t *testing.T, r Release, tool, public string) {
	downloads := httptest.NewServer(http.FileServer(http.Dir(r.Dir)))
	t.Cleanup(downloads.Close)
	text, err := os.ReadFile("../../kustomize/docs/verify.md")
	if err != nil {
		t.Fatal(err)
	}
	script := `set -eux -o pipefail
git() { [ "$*" = "clone --branch=v1.2.3 https://github.com/secretgate/secretgate" ]; }
make() { [ "$*" = "-C secretgate verify-release VERSION=v1.2.3 REGISTRY=$REGISTRY SUMS=$PWD/SHA256SUMS" ] && echo compared; }
`
	for _, block := range fence.Read("verify.md", text) {
		if block.Mark == "release" {
			script += block.Text
		}
	}
	script = strings.NewReplacer("v0.1.0", "v1.2.3", "ghcr.io/secretgate/secretgate", r.Prefix,
		"https://github.com/secretgate/secretgate/releases/download/$VERSION", downloads.URL).Replace(script)

	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "cosign"), []byte(withKey), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"), "COSIGN="+tool, "PUBLIC_KEY="+public)
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("the page, walked as it is written: %v\n%s", err, said)
	}
	for _, want := range []string{"install.yaml: OK", "Verified OK", `"docker-manifest-digest"`, `"payloadType"`, "compared"} {
		if !strings.Contains(string(said), want) {
			t.Errorf("the page's commands do not print %q:\n%s", want, said)
		}
	}
}
