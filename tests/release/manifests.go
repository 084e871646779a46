package release

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/secretgate/secretgate/tests/images"
)

// unreleased begins the names that images have in kustomize/base. No registry can have it, as .invalid is reserved (RFC 2606).
const unreleased = "registry.invalid/secretgate/"

// The sources of the manifests, for overlays of users, are an archive of one folder. Its component `images` is a download of its own,
// too, for overlays whose sources come from elsewhere.
const (
	sources         = "kustomize.tar.gz"
	imagesComponent = "kustomize-images.yaml"
)

// installName is the download of an overlay. The one that needs nothing else has the plain name.
func installName(overlay string) string {
	switch overlay {
	case "self-signed":
		return "install.yaml"
	case "default":
		return "install-cert-manager.yaml"
	default:
		return "install-" + overlay + ".yaml"
	}
}

// manifests renders each overlay that has pods, with the images of this release by digest. It writes the sources of all, too, which
// is what an overlay of a user needs.
func (r Release) manifests(scratch string, made []image) error {
	component := []byte(r.component(made))
	if err := r.write(imagesComponent, component); err != nil {
		return err
	}
	if err := r.sources(component); err != nil {
		return err
	}
	overlays, err := filepath.Glob(filepath.Join(r.Root, "kustomize", "overlays", "*"))
	if err != nil {
		return err
	}
	for _, overlay := range overlays {
		rendered, err := render(scratch, overlay, component)
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
		if err := r.write(installName(name), append([]byte(head), rendered...)); err != nil {
			return err
		}
	}
	return nil
}

// component is the text of a component that puts the images of this release into an overlay.
func (r Release) component(made []image) string {
	text := "# The images of Secretgate " + r.Version + ", by digest.\n" +
		"apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages:\n"
	for _, image := range made {
		text += fmt.Sprintf("  - {name: %s%s, newName: %s, digest: %s}\n",
			unreleased, image.service, image.digest.Repository, image.digest.DigestStr())
	}
	return text
}

// sources writes the archive of kustomize's files, without documents.
func (r Release) sources(component []byte) error {
	license, err := os.ReadFile(filepath.Join(r.Root, images.License))
	if err != nil {
		return err
	}
	folder := "secretgate-" + r.Version + "/"
	files := []entry{{folder + images.License, 0o644, license}}
	for _, name := range []string{"base", "components", "overlays"} {
		// A link is followed here, and would not be by the walk.
		top, err := filepath.EvalSymlinks(filepath.Join(r.Root, "kustomize", name))
		if err != nil {
			return err
		}
		err = filepath.WalkDir(top, func(path string, found fs.DirEntry, err error) error {
			if err != nil || !found.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			relative, err := filepath.Rel(top, path)
			files = append(files, entry{folder + name + "/" + filepath.ToSlash(relative), 0o644, text})
			return err
		})
		if err != nil {
			return err
		}
	}
	files = append(files, entry{folder + "components/images/kustomization.yaml", 0o644, component})
	packed, err := tarred(files)
	if err != nil {
		return err
	}
	return r.write(sources, packed)
}

// render renders an overlay with a component.
func render(scratch, overlay string, component []byte) ([]byte, error) {
	dir := filepath.Join(scratch, "overlay")
	relative, err := between(scratch, overlay)
	if err != nil {
		return nil, err
	}
	texts := map[string]string{
		dir:                          "resources: [../" + filepath.ToSlash(relative) + "]\ncomponents: [images]\n",
		filepath.Join(dir, "images"): string(component),
	}
	for folder, text := range texts {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be rendered: %w", overlay, err)
	}
	return rendered.AsYaml()
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
