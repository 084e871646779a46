package release

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/secretgate/secretgate/tests/images"
)

// cosign is the tool that make builds.
func cosign(t *testing.T) string {
	t.Helper()
	tool, err := filepath.Abs("../../.cache/tools/cosign")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(tool); err != nil {
		t.Fatalf("%v: run make .cache/tools/cosign", err)
	}
	return tool
}

// newKey makes a pair of keys, and returns the files of the private one and the public one.
func newKey(t *testing.T, tool string) (private, public string) {
	t.Helper()
	t.Setenv("COSIGN_PASSWORD", "of the test")
	folder := t.TempDir()
	cmd := exec.CommandContext(t.Context(), tool, "generate-key-pair")
	cmd.Dir = folder
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("no key: %v\n%s", err, said)
	}
	return filepath.Join(folder, "cosign.key"), filepath.Join(folder, "cosign.pub")
}

// checks are the calls of cosign that verify a signed release, as kustomize/docs/verify.md has them.
func checks(dir string, image name.Digest) map[string][]string {
	sums := filepath.Join(dir, checksums)
	return map[string][]string{
		"image":                       {"verify", image.String()},
		"provenance of the image":     {"verify-attestation", "--type=slsaprovenance1", image.String()},
		"checksums":                   {"verify-blob", "--bundle=" + sums + ".sigstore.json", sums},
		"provenance of the checksums": {"verify-blob-attestation", "--type=slsaprovenance1", "--bundle=" + sums + ".provenance.sigstore.json", sums},
	}
}

// verified runs cosign with a public key, and returns what it prints.
func verified(t *testing.T, tool, public string, args []string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tool, append([]string{args[0], "--key=" + public, "--insecure-ignore-tlog"}, args[1:]...)...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return said.String(), err
	}
	return out.String(), nil
}

func TestASignedReleaseIsVerifiedByItsKeyAlone(t *testing.T) {
	cases := []struct {
		name      string
		referrers bool
	}{
		{"a registry that lists what refers to an image", true},
		{"a registry that does not, where a tag names the list", false},
	}
	tool := cosign(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			verifiesByItsKeyAlone(t, tool, startRegistryThat(t, registry.WithReferrersSupport(c.referrers)))
		})
	}
}

func verifiesByItsKeyAlone(t *testing.T, tool, prefix string) {
	private, public := newKey(t, tool)
	r := release(t, checkout(t, program), prefix)
	r.Signer, r.Revision = Signer{Cosign: tool, Key: private}, strings.Repeat("a", 40)
	r.Platforms, r.Desktops = r.Platforms[:1], nil
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, foreign := newKey(t, tool)
	for _, service := range images.Services() {
		image := digestOf(t, r, service.Name)
		for what, check := range checks(r.Dir, image) {
			if said, err := verified(t, tool, public, check); err != nil {
				t.Errorf("%s of %s: %v\n%s", what, service.Name, err, said)
			}
			if _, err := verified(t, tool, foreign, check); err == nil {
				t.Errorf("the %s of %s is accepted with a foreign key, want a refusal", what, service.Name)
			}
		}
		other := tampered(t, image)
		for _, what := range []string{"image", "provenance of the image"} {
			if _, err := verified(t, tool, public, checks(r.Dir, other)[what]); err == nil {
				t.Errorf("the %s is accepted of a tampered %s, want a refusal", what, service.Name)
			}
		}
	}
	t.Run("provenance", func(t *testing.T) { checkProvenance(t, r, tool, public) })
	t.Run("the page that says how", func(t *testing.T) { walkPage(t, r, tool, public) })

	sums := filepath.Join(r.Dir, checksums)
	if err := os.WriteFile(sums, []byte(read(t, r.Dir, checksums)+"0  more\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"checksums", "provenance of the checksums"} {
		if _, err := verified(t, tool, public, checks(r.Dir, digestOf(t, r, "webhook"))[what]); err == nil {
			t.Errorf("tampered checksums are accepted by the %s, want a refusal", what)
		}
	}
}

func TestAKeyThatDoesNotSignIsRefusedBeforeAnythingIsPushed(t *testing.T) {
	tool := cosign(t)
	private, _ := newKey(t, tool)
	cases := []struct{ name, key, password string }{
		{"a key that is not there", filepath.Join(t.TempDir(), "cosign.key"), "of the test"},
		{"a password of another key", private, "of another"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("COSIGN_PASSWORD", c.password)
			r := release(t, checkout(t, program), startRegistry(t))
			r.Signer, r.Revision = Signer{Cosign: tool, Key: c.key}, strings.Repeat("a", 40)
			if err := r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "the key does not sign") {
				t.Errorf("got error %v, want one that names the key", err)
			}
			files, err := os.ReadDir(r.Dir)
			if err != nil || len(files) > 0 {
				t.Errorf("got files %v and error %v, want none built", files, err)
			}
		})
	}
}

// tampered pushes a copy of an image with one more label, with the signatures of the image as its own, and returns its digest.
func tampered(t *testing.T, image name.Digest) name.Digest {
	t.Helper()
	index, err := remote.Index(image)
	if err != nil {
		t.Fatal(err)
	}
	changed, ok := mutate.Annotations(index, map[string]string{"more": "of it"}).(v1.ImageIndex)
	if !ok {
		t.Fatal("an annotated index is no index any more")
	}
	hash, err := changed.Digest()
	if err != nil {
		t.Fatal(err)
	}
	other := image.Context().Digest(hash.String())
	if err := remote.WriteIndex(other, changed); err != nil {
		t.Fatal(err)
	}
	subject := v1.Descriptor{MediaType: "application/vnd.oci.image.index.v1+json", Digest: hash}
	if subject.Size, err = changed.Size(); err != nil {
		t.Fatal(err)
	}
	moveSignatures(t, image, other, subject)
	return other
}

// moveSignatures pushes what refers to an image once more, so that it refers to another.
func moveSignatures(t *testing.T, image, other name.Digest, subject v1.Descriptor) {
	t.Helper()
	referrers, err := remote.Referrers(image)
	if err != nil {
		t.Fatal(err)
	}
	list, err := referrers.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Manifests) != 2 {
		t.Fatalf("got %d artifacts that refer to %s, want its signature and its provenance", len(list.Manifests), image)
	}
	for _, referrer := range list.Manifests {
		artifact, err := remote.Image(image.Context().Digest(referrer.Digest.String()))
		if err != nil {
			t.Fatal(err)
		}
		moved, ok := mutate.Subject(artifact, subject).(v1.Image)
		if !ok {
			t.Fatal("an image that refers to another is no image any more")
		}
		hash, err := moved.Digest()
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(other.Context().Digest(hash.String()), moved); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMaySignNeedsAKeyOrAWorkflow(t *testing.T) {
	cases := []struct {
		name, key, variable string
		want                bool
	}{
		{"a key signs", "cosign.key", "", true},
		{"a workflow that may write an id-token signs", "", "ACTIONS_ID_TOKEN_REQUEST_URL", true},
		{"a token of another issuer signs", "", "SIGSTORE_ID_TOKEN", true},
		{"neither is refused", "", "CI", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			getenv := func(name string) string {
				if name == c.variable {
					return "set"
				}
				return ""
			}
			err := Signer{Key: c.key}.MaySign(getenv)
			if (err == nil) != c.want {
				t.Errorf("got error %v, want that it may sign: %t", err, c.want)
			}
			if err != nil && !strings.Contains(err.Error(), "SIGN=no") {
				t.Errorf("got error %v, want one that names SIGN=no", err)
			}
		})
	}
}
