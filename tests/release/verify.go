package release

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Verify builds the release again and compares it with what was published: the images that the version names in the registry, by
// digest, and, where the file of released checksums is given, all downloads. Nothing is pushed.
func (r Release) Verify(ctx context.Context, released string) error {
	if err := r.check(); err != nil {
		return err
	}
	var sums []byte
	if released != "" {
		var err error
		if sums, err = os.ReadFile(released); err != nil {
			return err
		}
	}
	scratch, err := os.MkdirTemp("", "secretgate-release-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	built, err := r.build(ctx, scratch)
	if err != nil {
		return err
	}
	var wrong []string
	for _, image := range built {
		there, err := published(ctx, image.version)
		switch {
		case err != nil:
			return err
		case there == "":
			wrong = append(wrong, fmt.Sprintf("%s is not in the registry", image.version))
		case there != image.digest.DigestStr():
			wrong = append(wrong, fmt.Sprintf("%s is %s in the registry, and %s when built here", image.version, there, image.digest.DigestStr()))
		default:
			r.Say("the same: %s@%s", image.version, there)
		}
	}
	if released != "" {
		ours, err := os.ReadFile(filepath.Join(r.Dir, checksums))
		if err != nil {
			return err
		}
		if !bytes.Equal(ours, sums) {
			wrong = append(wrong, fmt.Sprintf("the downloads: compare %s with %s", filepath.Join(r.Dir, checksums), released))
		} else {
			r.Say("the same: all downloads in %s", released)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	goVersion, err := r.goVersion(ctx)
	if err != nil {
		return err
	}
	return fmt.Errorf("the release is not what this checkout builds with %s:\n  %s\nAnother Go makes other bytes: the provenance, or `std` "+
		"in an SBOM, names the release's; set GOTOOLCHAIN to it. A difference that stays means that the release is not of this commit",
		goVersion, strings.Join(wrong, "\n  "))
}
