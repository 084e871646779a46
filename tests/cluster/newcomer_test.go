package cluster

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	corev1 "k8s.io/api/core/v1"

	"github.com/secretgate/secretgate/tests/docs/fence"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/images"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/node"
	"github.com/secretgate/secretgate/tests/release"
)

// TestNewcomer installs a release as the README and kustomize/docs/install.md say, command by command: the release is published to a registry, from
// which the nodes pull by digest.
func TestNewcomer(t *testing.T) {
	pulled := startRegistry(t)
	folder := t.TempDir()
	// What `git clone` and `make release` of the page do, for the one platform of the nodes.
	r := release.Release{Set: images.Set{
		Root: theCluster.Root, Dir: filepath.Join(folder, "secretgate", "bin", "release"), Prefix: node.Registry + "/secretgate",
		Version: "v0.1.0", Tag: "v0.1.0", Platforms: []v1.Platform{node.Platform()}, Progress: os.Stderr,
	}}
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { leaveNothing(t, folder) })
	walk(t, folder, "README.md")
	walk(t, folder, "kustomize/docs/install.md")

	want, got := map[string]string{}, map[string]string{}
	for _, service := range images.Services() {
		want[service.Name] = digestOf(t, r, service.Name)
		for _, pod := range pods(t, lab.Namespace, service.Name) {
			got[service.Name] = pod.Spec.Containers[0].Image
		}
		_, digest, _ := strings.Cut(want[service.Name], "@")
		if path := "/v2/secretgate/" + service.Name + "/manifests/" + digest; !pulled.has(path) {
			t.Errorf("no node got %s from the registry, want the image of %s to be pulled from there", path, service.Name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("images of the pods (-want +got):\n%s", diff)
	}
	var secret corev1.Secret
	if err := kubectl.Read(t.Context(), &secret, "secret", "hello", "--namespace=core"); err != nil {
		t.Fatal(err)
	}
	if string(secret.Data["password"]) != "changeit" {
		t.Error("the first Secret does not hold what the page writes into Vault")
	}
}

// pulls are the paths that nodes got from a registry.
type pulls struct {
	mu    sync.Mutex
	paths map[string]bool
}

func (p *pulls) add(path string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paths[path] = true
}

func (p *pulls) has(path string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.paths[path]
}

// startRegistry starts a registry where nodes look for it, and returns what they get from it.
func startRegistry(t *testing.T) *pulls {
	t.Helper()
	pulled := &pulls{paths: map[string]bool{}}
	served := registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if strings.HasPrefix(request.UserAgent(), "containerd/") && request.Method == http.MethodGet {
			pulled.add(request.URL.Path)
		}
		served.ServeHTTP(w, request)
	}))
	_ = server.Listener.Close()
	var err error
	if server.Listener, err = new(net.ListenConfig).Listen(t.Context(), "tcp", node.Registry); err != nil {
		t.Fatal(err)
	}
	server.Start()
	t.Cleanup(server.Close)
	return pulled
}

// digestOf is the image that the release's version names in the registry, by digest.
func digestOf(t *testing.T, r release.Release, service string) string {
	t.Helper()
	repository, err := name.NewRepository(r.Prefix + "/" + service)
	if err != nil {
		t.Fatal(err)
	}
	found, err := remote.Head(repository.Tag(r.Version))
	if err != nil {
		t.Fatal(err)
	}
	return repository.Digest(found.Digest.String()).String()
}

// placeholders are what the reader of a page replaces.
var placeholders = strings.NewReplacer(
	"registry.example.com", node.Registry, "https://vault.example.com:8200", "http://"+node.Address+":8200")

// walk runs the blocks of a page that are for a cluster, in their order and in one shell, as its reader would. What git and make would
// do is done, so that only their arguments are compared.
func walk(t *testing.T, folder, page string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(theCluster.Root, filepath.FromSlash(page)))
	if err != nil {
		t.Fatal(err)
	}
	script := `set -eux -o pipefail
git() { [ "$*" = "clone https://github.com/secretgate/secretgate" ]; }
make() { [ "$*" = "-C secretgate release VERSION=v0.1.0 REGISTRY=$REGISTRY SIGN=no" ]; }
`
	ran := 0
	for _, block := range fence.Read(page, text) {
		if block.Mark == "cluster" {
			ran++
			script += placeholders.Replace(block.Text)
		}
	}
	if ran == 0 {
		t.Fatalf("got no block for a cluster in %s, want those that install", page)
	}
	built, err := theCluster.Builder().Build(t.Context()) // has built them already
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "PATH="+theCluster.Bin+":"+filepath.Dir(built.Vault)+":"+os.Getenv("PATH"), "HOME="+folder,
		"KUBECONFIG="+theCluster.Kubeconfig, "KUBERC=off", "VAULT_TOKEN="+theCluster.VaultToken)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s, walked as it is written: %v\n%s", page, err, said)
	}
}

// leaveNothing takes away what the page installs.
func leaveNothing(t *testing.T, folder string) {
	for _, args := range [][]string{
		{"delete", "namespace", "core", "--ignore-not-found"}, {"delete", "--kustomize=" + folder, "--ignore-not-found"},
	} {
		if _, err := kubectl.Run(context.Background(), append(args, "--timeout="+harness.Timeout.String())...); err != nil {
			t.Error(err)
		}
	}
}
