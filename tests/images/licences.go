package images

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// License and Notices are the names of the files that say under which terms a program may be used.
const (
	License = "LICENSE"             // of the checkout
	Notices = "THIRD_PARTY_NOTICES" // of all else that is linked
)

// Licences are the files License and Notices of the program, by name. Notices has the licences of Go, of each module of others
// of which the program for the platform links a package, and of the CA roots: each text once, below the list of its origins.
// A module without a licence is an error, as it may not be passed on, and so is one whose licence is not among those that are permitted.
func (s Source) Licences(ctx context.Context, platform v1.Platform) (map[string][]byte, error) {
	own, err := os.ReadFile(filepath.Join(s.Root, License))
	if err != nil {
		return nil, err
	}
	origins := map[string][]string{} // by text
	for _, linked := range []struct{ dir, pkg string }{{s.Root, s.Package}, {filepath.Join(s.Root, "tests"), rootsModule + "/bundle"}} {
		if err := collectLicences(ctx, linked.dir, linked.pkg, platform, origins); err != nil {
			return nil, err
		}
	}
	return map[string][]byte{License: own, Notices: notices(origins)}, nil
}

// notices lists the texts in the order of their first origins.
func notices(origins map[string][]string) []byte {
	sections := map[string]string{}
	for text, of := range origins {
		slices.Sort(of)
		heading := strings.Join(slices.Compact(of), "\n")
		sections[heading] = text
	}
	const rule = "--------------------------------------------------------------------------------\n"
	out := bytes.NewBufferString("What this program is built of beside its own code, and under which terms.\n")
	for _, heading := range slices.Sorted(maps.Keys(sections)) {
		out.WriteString("\n" + rule + heading + "\n" + rule + "\n" + strings.TrimRight(sections[heading], "\n") + "\n")
	}
	return out.Bytes()
}

// listedPackage is what `go list -json` says of a package.
type listedPackage struct {
	Dir        string
	ImportPath string
	Root       string // of Go, if Standard
	Standard   bool
	Module     *struct {
		Path, Version, Dir string
		Main               bool // of the checkout
	}
}

func collectLicences(ctx context.Context, dir, pkg string, platform v1.Platform, origins map[string][]string) error {
	cmd := goCommand(ctx, dir, platform, "list", "-deps", "-json=Dir,ImportPath,Root,Standard,Module", pkg)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	listed, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("what %s in %s is built of cannot be listed: %w\n%s", pkg, dir, err, complaint.Bytes())
	}
	seen := map[string]bool{}
	for decoder := json.NewDecoder(bytes.NewReader(listed)); ; {
		var p listedPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		origin, folder, top := "Go's standard library", p.Root, p.Root
		switch {
		case p.Standard:
		case p.Module == nil:
			continue
		case p.Module.Main:
			if !hasTerms(p.Dir) || p.Dir == p.Module.Dir {
				continue
			}
			// Code of others lies in a folder of ours, with its licence.
			origin, folder, top = strings.TrimPrefix(p.ImportPath, "github.com/secretgate/secretgate/"), p.Dir, p.Dir
		default:
			origin, folder, top = p.Module.Path+" "+p.Module.Version, p.Dir, p.Module.Dir
		}
		if seen[folder] {
			continue
		}
		seen[folder] = true
		if err := readLicences(origin, folder, top, origins); err != nil {
			return err
		}
	}
}

var (
	termsFile   = regexp.MustCompile(`(?i)^(licen[cs]e|copying|copyright|notice|patents)([-.][a-z0-9.-]+)?$`)
	licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying)`)
)

// hasTerms reports whether a folder has a licence of its own.
func hasTerms(folder string) bool {
	found, err := filepath.Glob(filepath.Join(folder, License+"*"))
	return err == nil && len(found) > 0
}

// readLicences adds the terms that a folder of a package and those above it have, up to the module's top. Folders in between
// may have terms of their own, where code was copied.
func readLicences(origin, folder, top string, origins map[string][]string) error {
	licensed := false
	for ; len(folder) >= len(top); folder = filepath.Dir(folder) {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			name := entry.Name()
			if !entry.Type().IsRegular() || filepath.Ext(name) == ".go" || !termsFile.MatchString(name) {
				continue
			}
			text, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				return err
			}
			relative, err := filepath.Rel(top, filepath.Join(folder, name))
			if err != nil {
				return err
			}
			if licenceFile.MatchString(name) {
				if _, err := termsOf(string(text)); err != nil {
					return fmt.Errorf("%s, %s: %w: link another module, or add the licence to `permitted` in tests/images/terms.go if its terms "+
						"allow to pass it on", origin, name, err)
				}
				licensed = true
			}
			origins[string(text)] = append(origins[string(text)], origin+": "+filepath.ToSlash(relative))
		}
	}
	if !licensed {
		return fmt.Errorf("%s has no licence in %s, and so may not be passed on", origin, top)
	}
	return nil
}
