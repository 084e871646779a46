package release

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVerify builds a release again that has been published from another folder.
func TestVerify(t *testing.T) {
	prefix := startRegistry(t)
	published := release(t, checkout(t, program), prefix)
	if err := published.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	sums := filepath.Join(published.Dir, checksums)
	foreign := filepath.Join(t.TempDir(), checksums)
	if err := os.WriteFile(foreign, []byte(read(t, published.Dir, checksums)+"0  more\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	changed := program + "// and more\nfunc init() { println() }\n"
	cases := []struct {
		name, source, version, sums string
		want                        []string
	}{
		{"the same source is the same release", program, "v1.2.3", sums, nil},
		{"downloads are left out without their checksums", program, "v1.2.3", "", nil},
		{"another source is another release", changed, "v1.2.3", "", []string{"/webhook:v1.2.3 is sha256:", "/syncer:v1.2.3 is sha256:", "GOTOOLCHAIN"}},
		{"other downloads are another release", program, "v1.2.3", foreign, []string{"the downloads: compare ", foreign}},
		{"a version that was not published", program, "v1.2.4", "", []string{"/webhook:v1.2.4 is not in the registry"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := release(t, checkout(t, c.source), prefix)
			r.Version, r.Tag = c.version, c.version
			err := r.Verify(t.Context(), c.sums)
			if (err == nil) != (c.want == nil) {
				t.Fatalf("got error %v, want one with %q", err, c.want)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got error %v, want one with %q", err, want)
				}
			}
		})
	}
}
