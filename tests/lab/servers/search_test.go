package servers

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/version"
)

func wantOf(t *testing.T, name string) want {
	t.Helper()
	for _, w := range wanted() {
		if w.name == name {
			return w
		}
	}
	t.Fatalf("%s is not looked for", name)
	return want{}
}

func TestVersionIsReadFromWhatAProgramPrints(t *testing.T) {
	cases := []struct{ name, program, output, want, failure string }{
		{"etcd says it in its first line", "etcd", "etcd Version: 3.6.8\nGit SHA: 1234567\nGo Version: go1.26.8\n", "3.6.8", ""},
		{"the API server says Kubernetes", "kube-apiserver", "Kubernetes v1.37.2\n", "1.37.2", ""},
		{"a vendor's build of the API server", "kube-apiserver", "Kubernetes v1.34.2-eks-0a1b2c3\n", "1.34.2", ""},
		{"kubectl says it in JSON", "kubectl", "{\n  \"clientVersion\": {\n    \"gitVersion\": \"v1.36.0\"\n  }\n}\n", "1.36.0", ""},
		{"Vault says who built it, too", "vault", "Vault v1.20.4 (55bd8f18c6c84aa89fdede4850a622c57f03bd7e), built 2025-09-23T13:22:38Z\n", "1.20.4", ""},
		{"Vault Enterprise", "vault", "Vault v1.19.0+ent (0123abc), built 2025-03-04T12:36:40Z\n", "1.19.0", ""},
		{"another program of the name", "vault", "Ansible vault 2.0\n", "", `vault says no version: "Ansible vault 2.0"`},
		{"nothing", "etcd", "", "", `etcd says no version: ""`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseVersion(wantOf(t, c.program), c.output)
			if c.failure != "" {
				if err == nil || err.Error() != c.failure {
					t.Errorf("got %v, want the error %q", err, c.failure)
				}
				return
			}
			if err != nil || got.String() != c.want {
				t.Errorf("got %v (%v), want %s", got, err, c.want)
			}
		})
	}
}

func TestChoose(t *testing.T) {
	at := func(path, v string) candidate {
		return candidate{path: path, from: "PATH", version: version.MustParseGeneric(v)}
	}
	type cases struct {
		name, program string
		candidates    []candidate
		apiServer     string // that was chosen
		want          string // path
		lines         []string
	}
	for _, c := range []cases{
		{"no candidate, and nothing is said", "etcd", nil, "", "", nil},
		{"a supported version is taken", "etcd", []candidate{at("/a/etcd", "3.5.0")}, "", "/a/etcd", []string{"etcd            found 3.5.0: /a/etcd (PATH)"}},
		{"the first of two is taken", "etcd", []candidate{at("/a/etcd", "3.6.8"), at("/b/etcd", "3.6.9")}, "", "/a/etcd", []string{"etcd            found 3.6.8: /a/etcd (PATH)"}},
		{"one that is too old is passed over", "etcd", []candidate{at("/a/etcd", "3.4.34"), at("/b/etcd", "3.7.0")}, "", "/b/etcd", []string{
			"etcd            /a/etcd is not used: it is 3.4.34, and the lab supports etcd 3.5 and later 3.x",
			"etcd            found 3.7.0: /b/etcd (PATH)",
		}},
		{"one that is too new is refused", "etcd", []candidate{at("/a/etcd", "4.0.0")}, "", "", []string{
			"etcd            /a/etcd is not used: it is 4.0.0, and the lab supports etcd 3.5 and later 3.x",
		}},
		{"a pre-release of a supported version is taken", "etcd", []candidate{at("/a/etcd", "3.5.0-rc.1")}, "", "/a/etcd", []string{"etcd            found 3.5.0: /a/etcd (PATH)"}},
		{"one that does not run is passed over", "etcd", []candidate{{path: "/a/etcd", from: "PATH", err: errors.New("etcd --version fails: exit status 126")}}, "", "", []string{
			"etcd            /a/etcd is not used: etcd --version fails: exit status 126",
		}},
		{"the oldest Kubernetes is taken", "kube-apiserver", []candidate{at("/a/k", "1.30.0")}, "", "/a/k", []string{"kube-apiserver  found 1.30.0: /a/k (PATH)"}},
		{"a later patch of the newest Kubernetes is taken", "kube-apiserver", []candidate{at("/a/k", "1.37.9")}, "", "/a/k", []string{"kube-apiserver  found 1.37.9: /a/k (PATH)"}},
		{"an older Kubernetes is refused", "kube-apiserver", []candidate{at("/a/k", "1.29.14")}, "", "", []string{
			"kube-apiserver  /a/k is not used: it is 1.29.14, and the lab supports Kubernetes 1.30 to 1.37",
		}},
		{"a newer Kubernetes is refused", "kube-apiserver", []candidate{at("/a/k", "1.38.0")}, "", "", []string{
			"kube-apiserver  /a/k is not used: it is 1.38.0, and the lab supports Kubernetes 1.30 to 1.37",
		}},
		{"kubectl one minor version before the API server that is built", "kubectl", []candidate{at("/a/kubectl", "1.36.0")}, "", "/a/kubectl", []string{"kubectl         found 1.36.0: /a/kubectl (PATH)"}},
		{"kubectl two minor versions before it", "kubectl", []candidate{at("/a/kubectl", "1.35.0")}, "", "", []string{
			"kubectl         /a/kubectl is not used: it is 1.35.0, and the API server of the lab is 1.37, which it may be one minor version away from",
		}},
		{"kubectl that fits the API server that was found", "kubectl", []candidate{at("/a/kubectl", "1.34.0")}, "1.33.2", "/a/kubectl", []string{"kubectl         found 1.34.0: /a/kubectl (PATH)"}},
		{"controllers of the API server's version", "kube-controller-manager", []candidate{at("/a/c", "1.33.0")}, "1.33.2", "/a/c", []string{"kube-controller-manager found 1.33.0: /a/c (PATH)"}},
		{"controllers of another version", "kube-controller-manager", []candidate{at("/a/c", "1.34.0")}, "1.33.2", "", []string{
			"kube-controller-manager /a/c is not used: it is 1.34.0, and the API server of the lab is 1.33",
		}},
		{"controllers where the API server is built", "kube-controller-manager", []candidate{at("/a/c", "1.37.2")}, "", "", []string{
			"kube-controller-manager /a/c is not used: it is 1.37.2, and no API server of its version is used",
		}},
		{"Vault of a major version to come", "vault", []candidate{at("/a/vault", "2.0.0")}, "", "/a/vault", []string{"vault           found 2.0.0: /a/vault (PATH)"}},
		{"Vault that is too old", "vault", []candidate{at("/a/vault", "1.14.10")}, "", "", []string{
			"vault           /a/vault is not used: it is 1.14.10, and the lab supports Vault 1.15 and later",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			chosen := map[string]*version.Version{}
			if c.apiServer != "" {
				chosen[apiServer] = version.MustParseGeneric(c.apiServer)
			}
			got, lines := choose(wantOf(t, c.program), c.candidates, chosen)
			if got.path != c.want {
				t.Errorf("got %q, want %q", got.path, c.want)
			}
			if diff := cmp.Diff(c.lines, lines); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFindLooksAtAssetsFirstAndThenAtPath(t *testing.T) {
	program := func(folder, name, says string) string { return script(t, folder, name, "echo '"+says+"'") }
	assets, first, second := t.TempDir(), t.TempDir(), t.TempDir()
	ofAssets := program(assets, "etcd", "etcd Version: 3.6.8")
	program(first, "etcd", "etcd Version: 3.6.9")
	old := program(assets, "kube-apiserver", "Kubernetes v1.29.0")
	inPath := program(second, "kube-apiserver", "Kubernetes v1.36.1")
	oldInPath := program(second, "kubectl", `"gitVersion": "v1.32.4"`)
	link := filepath.Join(t.TempDir(), "the same folder")
	if err := os.Symlink(second, link); err != nil {
		t.Fatal(err)
	}
	notOfEnvtest := program(assets, "vault", "Vault v1.21.0, built 2025-11-30T12:12:49Z")
	found, lines := Search{Assets: assets, Path: []string{"", first, second, assets, link}}.Find(t.Context())
	want := map[string]string{"etcd": ofAssets, "kube-apiserver": inPath, "vault": notOfEnvtest}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	wantLines := []string{
		"etcd            found 3.6.8: " + ofAssets + " (KUBEBUILDER_ASSETS)",
		"kube-apiserver  " + old + " is not used: it is 1.29.0, and the lab supports Kubernetes 1.30 to 1.37",
		"kube-apiserver  found 1.36.1: " + inPath + " (PATH)",
		"kubectl         " + oldInPath + " is not used: it is 1.32.4, and the API server of the lab is 1.36, which it may be one minor version away from",
		"vault           found 1.21.0: " + notOfEnvtest + " (PATH)",
	}
	if diff := cmp.Diff(wantLines, lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestAProgramThatFailsIsNotUsed(t *testing.T) {
	folder := t.TempDir()
	script(t, folder, "vault", "exit 3")
	found, lines := Search{Path: []string{folder}}.Find(t.Context())
	if len(found) > 0 || len(lines) != 1 || !strings.HasSuffix(lines[0], "vault --version fails: exit status 3") {
		t.Errorf("got %v and %q, want nothing and one line that says how it failed", found, lines)
	}
}
