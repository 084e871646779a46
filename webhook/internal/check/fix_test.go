package check

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/dialect/dialecttest"
	"github.com/secretgate/secretgate/shared/dialect/dialecttest/probe"
	"github.com/secretgate/secretgate/shared/dialect/kes"
	"github.com/secretgate/secretgate/shared/dialect/tuenti"
	"github.com/secretgate/secretgate/webhook/internal/admit"
)

var update = flag.Bool("update", false, "write the golden files anew; look at what changed")

// prepared is a Checker of both dialects, and of that of tests, that has read no file yet. Their CRDs are read once.
func prepared(t *testing.T) *Checker {
	t.Helper()
	ready, err := checker()
	if err != nil {
		t.Fatal(err)
	}
	return &ready
}

var checker = sync.OnceValues(func() (Checker, error) {
	probes := probe.Dialect().New()
	c := Checker{Kinds: append(kindsOf(kes.Installation{}, tuenti.Where{}), probes.Kinds()...), Stores: probes.Stores()}
	err := c.prepare()
	return c, err
})

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func compilerLines(findings []Finding) string {
	var b strings.Builder
	for _, f := range findings {
		b.WriteString(compiler(f) + "\n")
	}
	return b.String()
}

func TestFixRewritesDeprecatedFieldsAndNothingElse(t *testing.T) {
	cases, err := filepath.Glob("testdata/fix/*.in")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases were found: %v", err)
	}
	for _, file := range cases {
		base := strings.TrimSuffix(file, ".in")
		t.Run(filepath.Base(base), func(t *testing.T) {
			c := prepared(t)
			c.Namespace = "default"
			fixed, notes := c.fix(filepath.Base(base), []byte(read(t, file)))
			dialecttest.Golden(t, *update, base+".out", string(fixed))
			dialecttest.Golden(t, *update, base+".notes", compilerLines(notes))
			fixConverts(t, read(t, file), string(fixed))
		})
	}
}

func TestFixMakesOfEachGoldenCaseWhatAdmissionWouldStore(t *testing.T) {
	files, err := filepath.Glob("../../../shared/dialect/kes/testdata/cases/*/object.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases were found: %v", err)
	}
	changed := 0
	for _, file := range files {
		text := read(t, file)
		fixed, _ := prepared(t).fix(file, []byte(text))
		if string(fixed) != text {
			changed++
		}
		fixConverts(t, text, string(fixed))
	}
	if changed == 0 {
		t.Error("no case has deprecated fields")
	}
}

// fixConverts proves that the new text says what admission would have stored of each object, or what
// it said before where it was refused; and that fixing it again changes nothing.
func fixConverts(t *testing.T, before, after string) {
	t.Helper()
	c := prepared(t)
	old, current := everything(before), everything(after)
	if len(old) != len(current) {
		t.Fatalf("there were %d objects, and are %d", len(old), len(current))
	}
	for i, o := range old {
		if reflect.DeepEqual(o.value, current[i].value) {
			continue
		}
		s, ours := c.apis.of(o)
		if !ours {
			t.Errorf("object %d, which is none of ours, has changed", i)
		}
		if diff := cmp.Diff(admit.Convert(s.deprecations, o.value, nil, admit.Writer{}).Object, current[i].value); diff != "" {
			t.Errorf("object %d (-stored +fixed):\n%s", i, diff)
		}
		if half := admit.Convert(s.deprecations, current[i].value, nil, admit.Writer{}); len(half.Deprecated) > 0 {
			t.Errorf("object %d is only half fixed: %v", i, half.Deprecated)
		}
	}
	again, notes := c.fix("again", []byte(after))
	if diff := cmp.Diff(after, string(again)); diff != "" {
		t.Errorf("fixing it again changes it:\n%s", diff)
	}
	for _, n := range notes {
		if n.Rule == Fixed {
			t.Errorf("fixing it again claims to fix: %s", n.text())
		}
	}
}

func everything(text string) []object {
	var all []object
	for doc := range split("", []byte(text)) {
		found, err := objects(doc)
		if err != nil {
			continue
		}
		all = append(all, found...)
	}
	return all
}

// FuzzFix looks for a text that is fixed into something else than what admission would store.
func FuzzFix(f *testing.F) {
	for _, pattern := range []string{"testdata/fix/*.in", "../../../shared/dialect/kes/testdata/cases/*/object.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			if len(text) < 10_000 { // larger ones only slow the search down
				f.Add(string(text))
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		fixed, _ := prepared(t).fix("fuzz", []byte(text))
		fixConverts(t, text, string(fixed))
	})
}
