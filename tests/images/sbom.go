package images

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// rootsModule is where the CA roots come from.
const rootsModule = "golang.org/x/crypto/x509roots/fallback"

// SBOM lists, as CycloneDX JSON, what the program at path was built of, as the program itself says: the Go release, each module,
// and the CA roots that lie beside it. It holds neither a time nor a serial number, so that the same program has the same one.
func SBOM(name, version, path string, roots debug.Module) ([]byte, error) {
	built, err := buildinfo.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s does not say what it was built of: %w", path, err)
	}
	components := []cdx.Component{library("std", strings.TrimPrefix(built.GoVersion, "go"))}
	for _, module := range append(built.Deps, &roots) {
		if module.Replace != nil {
			module = module.Replace
		}
		components = append(components, library(module.Path, module.Version))
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Component: &cdx.Component{
		BOMRef: name, Type: cdx.ComponentTypeContainer, Name: name, Version: version, PackageURL: packageURL(built.Main.Path, version),
	}}
	bom.Components = &components
	var text bytes.Buffer
	err = cdx.NewBOMEncoder(&text, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).Encode(bom)
	return text.Bytes(), err
}

func library(path, version string) cdx.Component {
	// The modules of one checkout have no version of their own.
	if version == "(devel)" {
		version = ""
	}
	id := packageURL(path, version)
	return cdx.Component{BOMRef: id, Type: cdx.ComponentTypeLibrary, Name: path, Version: version, PackageURL: id}
}

func packageURL(path, version string) string {
	id := "pkg:golang/" + path
	if version == "" {
		return id
	}
	return id + "@" + url.QueryEscape(version)
}

// RootsModule is the module of the CA roots in a checkout. (This program knows it, too, but a test does not.)
func RootsModule(ctx context.Context, root string) (debug.Module, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f={{.Version}}", rootsModule)
	cmd.Dir = filepath.Join(root, "tests")
	version, err := cmd.Output()
	if err != nil {
		return debug.Module{}, fmt.Errorf("the version of %s in %s cannot be found: %w", rootsModule, cmd.Dir, err)
	}
	return debug.Module{Path: rootsModule, Version: strings.TrimSpace(string(version))}, nil
}
