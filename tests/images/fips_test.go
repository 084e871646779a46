package images

import (
	"debug/buildinfo"
	"maps"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// cryptographic says which module it was built with, and whether it uses it.
const cryptographic = `package main

import (
	"crypto/fips140"
	"fmt"
)

func main() { fmt.Print(fips140.Version(), " ", fips140.Enabled()) }
`

func TestAProgramIsBuiltWithTheFIPSModuleThatIsAskedFor(t *testing.T) {
	t.Setenv("GOFIPS140", "latest") // of this machine, which decides nothing
	for name, tc := range map[string]struct{ asked, setting, says string }{
		"none":   {"", "", "latest false"},
		"v1.0.0": {"v1.0.0", "v1.0.0-", "v1.0.0 true"},
	} {
		t.Run(name, func(t *testing.T) {
			program := filepath.Join(t.TempDir(), "program")
			here := v1.Platform{OS: runtime.GOOS, Architecture: runtime.GOARCH}
			source := Source{Root: checkout(t, cryptographic), Package: ".", FIPS140: tc.asked}
			if err := source.Compile(t.Context(), here, program); err != nil {
				t.Fatal(err)
			}
			info, err := buildinfo.ReadFile(program)
			if err != nil {
				t.Fatal(err)
			}
			setting := ""
			for _, s := range info.Settings {
				if s.Key == "GOFIPS140" {
					setting = s.Value
				}
			}
			if !strings.HasPrefix(setting, tc.setting) || tc.setting == "" && setting != "" {
				t.Errorf("got GOFIPS140=%q in the program's build info, want %q", setting, tc.setting)
			}
			said, err := exec.CommandContext(t.Context(), program).Output()
			if err != nil {
				t.Fatal(err)
			}
			if string(said) != tc.says {
				t.Errorf("got %q, want %q", said, tc.says)
			}
		})
	}
}

func TestImagesNameTheFIPSModuleOfTheirProgram(t *testing.T) {
	plain := Set{Version: "v1"}.labels(Parts()[0])
	if _, named := plain[LabelFIPS140]; named {
		t.Errorf("got labels %v, want none of a module that there is not", slices.Sorted(maps.Keys(plain)))
	}
	want := maps.Clone(plain)
	want[LabelFIPS140] = "v1.0.0"
	if diff := cmp.Diff(want, Set{Version: "v1", FIPS140: "v1.0.0"}.labels(Parts()[0])); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}
