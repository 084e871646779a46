package release

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// unreleased begins the names that images have in kustomize/base. No registry can have it, as .invalid is reserved (RFC 2606).
const unreleased = "registry.invalid/secretgate/"

// manifests renders each overlay that has pods, with the images of this release by digest. It writes the list of images, too, which is
// what an overlay of a user needs.
func (r Release) manifests(ctx context.Context, scratch string, pushed []image) error {
	list := "images:\n"
	for _, image := range pushed {
		list += fmt.Sprintf("  - {name: %s%s, newName: %s, digest: %s}\n",
			unreleased, image.service, image.digest.Repository, image.digest.DigestStr())
	}
	head := "# For the kustomization.yaml of an overlay: the images of " + r.Version + ".\n"
	if err := r.write("kustomize-images.yaml", []byte(head+list)); err != nil {
		return err
	}
	overlays, err := filepath.Glob(filepath.Join(r.Root, "kustomize", "overlays", "*"))
	if err != nil {
		return err
	}
	for _, overlay := range overlays {
		rendered, err := r.render(ctx, scratch, overlay, list)
		if err != nil {
			return err
		}
		if !bytes.Contains(rendered, []byte("@sha256:")) {
			continue // an overlay without pods, such as the lab's
		}
		if bytes.Contains(rendered, []byte(unreleased)) {
			return fmt.Errorf("%s has an image that is not of this release: %s…", overlay, unreleased)
		}
		name := filepath.Base(overlay)
		head := fmt.Sprintf("# Secretgate %s: kustomize/overlays/%s with the images of this release.\n", r.Version, name)
		if err := r.write("install-"+name+".yaml", append([]byte(head), rendered...)); err != nil {
			return err
		}
	}
	return nil
}

// render renders an overlay with a list of images.
func (r Release) render(ctx context.Context, scratch, overlay, list string) ([]byte, error) {
	dir := filepath.Join(scratch, "overlay")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	relative, err := between(dir, overlay)
	if err != nil {
		return nil, err
	}
	text := "resources: [" + filepath.ToSlash(relative) + "]\n" + list
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o644); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, r.Kustomize, "build", dir)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	rendered, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s cannot be rendered: %w\n%s", overlay, err, complaint.String())
	}
	return rendered, nil
}

// between is the path from one folder to another, as kustomize takes no absolute ones. Links are resolved first.
func between(from, to string) (string, error) {
	from, err := filepath.EvalSymlinks(from)
	if err != nil {
		return "", err
	}
	to, err = filepath.EvalSymlinks(to)
	if err != nil {
		return "", err
	}
	if to, err = filepath.Abs(to); err != nil {
		return "", err
	}
	return filepath.Rel(from, to)
}
