package images

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

const tiny = `package main

import "os"

var version = "dev"

func main() { os.Stdout.WriteString(version) }
`

func amd64() v1.Platform { return v1.Platform{OS: "linux", Architecture: "amd64"} }

// checkout writes a module with one program into a folder of its own.
func checkout(t *testing.T, source string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.test/tiny\n\ngo 1.26\n", "main.go": source} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// built compiles a checkout's program and makes its image.
func built(t *testing.T, root, version string) (program string, image v1.Image) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "tiny")
	if err := (Source{Root: root, Package: ".", Version: version}).Compile(t.Context(), amd64(), program); err != nil {
		t.Fatal(err)
	}
	image, err := Program{Name: "tiny", Path: program, Platform: amd64(), Labels: map[string]string{"a": "b"}}.Image()
	if err != nil {
		t.Fatal(err)
	}
	return program, image
}

func digest(t *testing.T, image interface{ Digest() (v1.Hash, error) }) string {
	t.Helper()
	hash, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return hash.String()
}

func TestTheDigestFollowsWhatIsBuiltAndNothingElse(t *testing.T) {
	_, first := built(t, checkout(t, tiny), "v1")
	cases := []struct {
		name, source, version string
		same                  bool
	}{
		{"another folder makes no difference", tiny, "v1", true},
		{"another version makes another image", tiny, "v2", false},
		{"another program makes another image", strings.ReplaceAll(tiny, "os.Stdout", "os.Stderr"), "v1", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("GOFLAGS", "-tags=whatever")
			_, again := built(t, checkout(t, c.source), c.version)
			if same := digest(t, again) == digest(t, first); same != c.same {
				t.Errorf("the same digest: %v, want %v", same, c.same)
			}
		})
	}
}

func TestAnImageHoldsTheProgramAndRoots(t *testing.T) {
	program, image := built(t, checkout(t, tiny), "v1")
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	want := v1.Config{User: "65532:65532", Entrypoint: []string{"/tiny"}, WorkingDir: "/", Labels: map[string]string{"a": "b"}}
	if diff := cmp.Diff(want, config.Config); diff != "" {
		t.Errorf("how it runs (-want +got):\n%s", diff)
	}
	files := contents(t, image)
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{"etc/group", "etc/passwd", caFile, "tiny"}, names); diff != "" {
		t.Errorf("its files (-want +got):\n%s", diff)
	}
	binary, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(binary, files["tiny"]) {
		t.Error("the program in the image is not the one that was built")
	}
	if !x509.NewCertPool().AppendCertsFromPEM(files[caFile]) {
		t.Errorf("%s holds no certificate", caFile)
	}
	if n := bytes.Count(files[caFile], []byte("BEGIN CERTIFICATE")); n < 100 {
		t.Errorf("%s holds %d certificates, want all of Mozilla's", caFile, n)
	}
}

// contents are the regular files of an image.
func contents(t *testing.T, image v1.Image) map[string][]byte {
	t.Helper()
	archive := mutate.Extract(image)
	defer func() { _ = archive.Close() }()
	found := map[string][]byte{}
	for r := tar.NewReader(archive); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		if header.Mode&0o222 != 0 || header.Uid != 0 {
			t.Errorf("%s can be changed by its user: mode %o, owner %d", header.Name, header.Mode, header.Uid)
		}
		if found[header.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALayoutHoldsEachPlatformUnderOneName(t *testing.T) {
	program, first := built(t, checkout(t, tiny), "v1")
	arm := v1.Platform{OS: "linux", Architecture: "arm64"}
	second, err := Program{Name: "tiny", Path: program, Platform: arm}.Image()
	if err != nil {
		t.Fatal(err)
	}
	var digests []v1.Hash
	var archives [][]byte
	for range 2 {
		dir := filepath.Join(t.TempDir(), "tiny")
		hash, err := Save(dir, "secretgate/tiny:v1", []v1.Image{first, second})
		if err != nil {
			t.Fatal(err)
		}
		archive, err := os.ReadFile(dir + ".tar")
		if err != nil {
			t.Fatal(err)
		}
		digests, archives = append(digests, hash), append(archives, archive)
		checkLayout(t, dir, hash)
	}
	if digests[0] != digests[1] || !bytes.Equal(archives[0], archives[1]) {
		t.Error("saving twice makes two different archives")
	}
}

func checkLayout(t *testing.T, dir string, hash v1.Hash) {
	t.Helper()
	top, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := top.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	// Containers' tools find it by this name: short names are completed as Kubernetes completes them.
	name := manifest.Manifests[0].Annotations[containerdName]
	if len(manifest.Manifests) != 1 || !strings.HasSuffix(name, "/secretgate/tiny:v1") || manifest.Manifests[0].Digest != hash {
		t.Errorf("the layout holds %+v, want one image secretgate/tiny:v1 with digest %s", manifest.Manifests, hash)
	}
	index, err := top.ImageIndex(hash)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Errorf("the index is not what it says: %v", err)
	}
	inner, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, m := range inner.Manifests {
		platforms = append(platforms, m.Platform.String())
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, platforms); diff != "" {
		t.Errorf("platforms (-want +got):\n%s", diff)
	}
}

func TestSaveRefusesNamesThatContainerdWouldNotFind(t *testing.T) {
	cases := []struct{ name, image string }{
		{"a digest cannot be chosen", "secretgate/tiny@sha256:" + strings.Repeat("0", 64)},
		{"capitals are not allowed", "Secretgate/tiny:v1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Save(filepath.Join(t.TempDir(), "x"), c.image, nil); err == nil {
				t.Errorf("%s was accepted", c.image)
			}
		})
	}
}

func TestSBOMNamesWhatTheProgramWasBuiltOf(t *testing.T) {
	program, _ := built(t, checkout(t, tiny), "v1")
	text, err := SBOM("secretgate/tiny", "v1", program, debug.Module{Path: rootsModule, Version: "v0.0.1+incompatible"})
	if err != nil {
		t.Fatal(err)
	}
	var bom cdx.BOM
	if err := json.Unmarshal(text, &bom); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, component := range *bom.Components {
		found = append(found, component.PackageURL)
	}
	if len(found) == 0 || !strings.HasPrefix(found[0], "pkg:golang/std@1.") {
		t.Fatalf("the SBOM begins with %v, want the Go release", found)
	}
	if diff := cmp.Diff([]string{"pkg:golang/" + rootsModule + "@v0.0.1%2Bincompatible"}, found[1:]); diff != "" {
		t.Errorf("components beside Go (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("secretgate/tiny v1", bom.Metadata.Component.Name+" "+bom.Metadata.Component.Version); diff != "" {
		t.Errorf("what it describes (-want +got):\n%s", diff)
	}
}

func TestRootsModuleIsTheOneOfTheCheckout(t *testing.T) {
	module, err := RootsModule(t.Context(), "../..")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(module.Version, "v0.0.0-") {
		t.Errorf("the CA roots are of version %q", module.Version)
	}
}

func TestNoticesHoldTheTermsOfAllThatIsLinked(t *testing.T) {
	for _, service := range []string{"webhook", "syncer"} {
		t.Run(service, func(t *testing.T) {
			source := Source{Root: "../..", Package: "./" + service + "/cmd/" + service}
			licences, err := source.Licences(t.Context(), amd64())
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(licences[License], []byte("Apache License")) {
				t.Errorf("got %q as our own licence, want Apache's", licences[License])
			}
			text := string(licences[Notices])
			for _, want := range []string{
				"\nGo's standard library: LICENSE\n", "\nGo's standard library: PATENTS\n", "\n" + rootsModule + " v0.0.0-",
				"\nk8s.io/apimachinery v", "/third_party/forked/golang/LICENSE\n",
				"Redistribution and use in source and binary forms", "\nshared/template/lodash/jsyaml: LICENSE\n",
			} {
				if !strings.Contains(text, want) {
					t.Errorf("the notices do not hold %q", want)
				}
			}
			if n := strings.Count(text, "\n"+"k8s.io/client-go v"); n > 1 {
				t.Errorf("got %d lines for the licence of one module, want 1", n)
			}
			if strings.Contains(text, "github.com/secretgate") {
				t.Error("the notices list our own modules among those of others")
			}
		})
	}
}

func TestAModuleWithoutALicenceIsNotPassedOn(t *testing.T) {
	module := t.TempDir()
	folder := filepath.Join(module, "deep", "er")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	const text = "Mozilla Public License Version 2.0 of "
	write := func(name string) {
		if err := os.WriteFile(filepath.Join(module, name), []byte(text+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("NOTICE")
	write("license.go")
	if err := readLicences("example.test/m v1", folder, module, map[string][]string{}); err == nil {
		t.Error("got no error without a licence")
	}
	write("deep/COPYING.txt")
	got := map[string][]string{}
	if err := readLicences("example.test/m v1", folder, module, got); err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		text + "NOTICE": {"example.test/m v1: NOTICE"}, text + "deep/COPYING.txt": {"example.test/m v1: deep/COPYING.txt"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("terms (-want +got):\n%s", diff)
	}
}
