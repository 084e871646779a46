package release

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/secretgate/secretgate/tests/images"
)

const program = `package main

var version = "dev"

func main() { println(version) }
`

// checkout is a folder like a checkout of this repository, with its overlays, whose two services are the given program.
func checkout(t *testing.T, source string) string {
	t.Helper()
	root := t.TempDir()
	roots, err := images.RootsModule(t.Context(), "../..")
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile("../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"LICENSE":      "ours",
		"go.mod":       "module example.test/services\n\ngo 1.26\n",
		"tests/go.mod": "module example.test/tests\n\ngo 1.26.0\n\nrequire " + roots.Path + " " + roots.Version + "\n",
		"tests/go.sum": string(sums),
	}
	for _, part := range images.Parts() {
		files[part.Package+"/main.go"], files[part.Guide] = source, "guide of "+part.Name
	}
	for file, text := range files {
		path := filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlays, err := filepath.Abs("../../kustomize")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(overlays, filepath.Join(root, "kustomize")); err != nil {
		t.Fatal(err)
	}
	return root
}

// startRegistry starts a registry, and returns where in it the images go.
func startRegistry(t *testing.T) string {
	return startRegistryThat(t, registry.WithReferrersSupport(true))
}

func startRegistryThat(t *testing.T, does registry.Option) string {
	t.Helper()
	server := httptest.NewServer(registry.New(does, registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://") + "/some/secretgate"
}

func release(t *testing.T, root, prefix string) Release {
	t.Helper()
	return Release{
		Set: images.Set{
			Root: root, Dir: filepath.Join(t.TempDir(), "release"), Prefix: prefix, Version: "v1.2.3", Tag: "v1.2.3", Revision: "abc",
			Platforms: []v1.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}},
		},
		Desktops: []v1.Platform{{OS: "windows", Architecture: "amd64"}},
	}
}

func TestAReleaseCanBeInstalledAndBuiltAgain(t *testing.T) {
	prefix := startRegistry(t)
	r := release(t, checkout(t, program), prefix)
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Run("files and their checksums", func(t *testing.T) { checkFiles(t, r) })
	t.Run("archives", func(t *testing.T) { checkArchives(t, r) })
	digests := map[string]string{}
	for _, service := range images.Services() {
		digests[service.Name] = checkPushed(t, r, service.Name)
	}
	t.Run("manifests", func(t *testing.T) { checkManifests(t, r, digests) })
	t.Run("sources of manifests", func(t *testing.T) { checkSources(t, r) })

	again := release(t, checkout(t, program), prefix)
	if err := again.Run(t.Context()); err != nil {
		t.Fatalf("the same release again: %v", err)
	}
	if diff := cmp.Diff(read(t, r.Dir, checksums), read(t, again.Dir, checksums)); diff != "" {
		t.Errorf("checksums of the same release from another folder (-first +second):\n%s", diff)
	}

	other := release(t, checkout(t, program+"// and more\nfunc init() { println() }\n"), prefix)
	err := other.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "/webhook:v1.2.3 is released already, with digest "+digests["webhook"]) {
		t.Errorf("got error %v for the same version of another program, want one that names the version and its digest", err)
	}
	if got := checkPushed(t, r, "webhook"); got != digests["webhook"] {
		t.Errorf("got digest %s after the refused release, want %s", got, digests["webhook"])
	}
}

func read(t *testing.T, dir, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func checkFiles(t *testing.T, r Release) {
	dir := r.Dir
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	var sums strings.Builder
	for _, entry := range entries {
		names = append(names, entry.Name())
		if entry.Name() == checksums {
			continue
		}
		sum, err := sumOf(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&sums, "%x  %s\n", sum, entry.Name())
	}
	want := []string{
		"SHA256SUMS",
		"install-admission-only-eso.yaml", "install-admission-only-sealed.yaml", "install-admission-only-vso.yaml", "install-admission-only.yaml",
		"install-cert-manager.yaml", "install-high-availability.yaml", "install-namespaced.yaml", "install.yaml",
		"kustomize-images.yaml", "kustomize.tar.gz",
	}
	for _, part := range images.Parts() {
		for _, platform := range r.Platforms {
			want = append(want, r.downloadName(part, platform)+".cdx.json", r.downloadName(part, platform)+".tar.gz")
		}
		if part.Desktop {
			want = append(want, r.downloadName(part, r.Desktops[0])+".cdx.json", r.downloadName(part, r.Desktops[0])+".zip")
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(sums.String(), read(t, dir, checksums)); diff != "" {
		t.Errorf("checksums (-want +got):\n%s", diff)
	}
}

func TestDownloadsHaveTheProductsNameOnce(t *testing.T) {
	cases := []struct{ name, part, want string }{
		{"a service", "syncer", "secretgate-syncer_v1.2.3_linux_arm64"},
		{"a plugin of kubectl", "kubectl-secretgate", "kubectl-secretgate_v1.2.3_linux_arm64"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := Release{Set: images.Set{Version: "v1.2.3"}}
			if got := r.downloadName(images.Part{Name: c.part}, v1.Platform{OS: "linux", Architecture: "arm64"}); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func checkArchives(t *testing.T, r Release) {
	var modes []string
	for _, file := range untar(t, read(t, r.Dir, "secretgate-syncer_v1.2.3_linux_arm64.tar.gz")) {
		modes = append(modes, fmt.Sprintf("%o %s", file.mode, file.name))
	}
	if diff := cmp.Diff([]string{"755 syncer", "644 LICENSE", "644 THIRD_PARTY_NOTICES", "644 README.md"}, modes); diff != "" {
		t.Errorf("files for Linux (-want +got):\n%s", diff)
	}
	desktop := images.Parts()[slices.IndexFunc(images.Parts(), func(part images.Part) bool { return part.Desktop })]
	zipped := read(t, r.Dir, r.downloadName(desktop, r.Desktops[0])+".zip")
	archive, err := zip.NewReader(strings.NewReader(zipped), int64(len(zipped)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range archive.File {
		names = append(names, file.Name)
	}
	if diff := cmp.Diff([]string{desktop.Name + ".exe", "LICENSE", "THIRD_PARTY_NOTICES", "README.md"}, names); diff != "" {
		t.Errorf("files for Windows (-want +got):\n%s", diff)
	}
}

// untar reads a compressed archive.
func untar(t *testing.T, packed string) []entry {
	t.Helper()
	compressed, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	var files []entry
	for archive := tar.NewReader(compressed); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, entry{header.Name, header.Mode, content})
	}
}

func TestRunRefusesBeforeItBuilds(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "notes"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name   string
		change func(*Release)
		want   string
	}{
		{"a commit is no version", func(r *Release) { r.Version = "9121b04" }, "such as v1.2.3"},
		{"a changed checkout is no version", func(r *Release) { r.Version = "v1.2.3+dirty" }, "such as v1.2.3"},
		{"two numbers are no version", func(r *Release) { r.Version = "v1.2" }, "such as v1.2.3"},
		{"a registry is not guessed", func(r *Release) { r.Prefix = "" }, "no registry"},
		{"a registry without a server takes nothing", func(r *Release) { r.Prefix = "localhost:1/secretgate" }, "webhook takes no image"},
		{"what is in the folder stays", func(r *Release) { r.Dir = full }, "is not empty"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := release(t, t.TempDir(), "registry.invalid/secretgate")
			c.change(&r)
			if err := r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
		})
	}
}
