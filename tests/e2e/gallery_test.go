package e2e

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write what kubectl prints into the gallery of rejections anew; look at what changed")

const galleryPage = "kustomize/docs/rejections.md"

// TestGallery does what the gallery of rejections shows: of each section it makes the namespace, applies the manifest, compares what
// kubectl prints with the page, and applies the remedy, which must pass.
func TestGallery(t *testing.T) {
	file := filepath.Join(theLab.Root, galleryPage)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split(string(text), "\n### ")
	usual := blocks(sections[0])[0].text // the namespace of all sections that show none
	t.Run("all", func(t *testing.T) {
		for i, section := range sections[1:] {
			name, _, _ := strings.Cut(section, "\n")
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				e := readExhibit(t, section)
				if e.namespace == "" {
					e.namespace = usual
				} else {
					e.namespace = labelled(t, e.namespace)
				}
				said := e.show(t)
				diff := cmp.Diff(ordered(e.printed), ordered(said))
				switch {
				case diff != "" && *update:
					sections[i+1] = strings.Replace(section, e.printed, said, 1)
				case diff != "":
					t.Errorf("kubectl prints something else (-%s +printed):\n%s", galleryPage, diff)
				}
			})
		}
	})
	if !*update {
		return
	}
	if err := os.WriteFile(file, []byte(strings.Join(sections, "\n### ")), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ordered brings the list of an invalid object into one order: the API server's validation has none. Older ones write "null".
func ordered(printed string) []string {
	lines := strings.Split(strings.ReplaceAll(printed, `Invalid value: "null":`, "Invalid value: null:"), "\n")
	if strings.Contains(printed, " is invalid: \n") {
		slices.Sort(lines)
	}
	return lines
}

// TestGalleryOfReadme: what the webhook's README shows of the gallery is in it.
func TestGalleryOfReadme(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(theLab.Root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	page := read(galleryPage)
	_, section, found := strings.Cut(read("webhook/README.md"), "\n## When an object is rejected\n")
	section, _, _ = strings.Cut(section, "\n## ")
	if shown := blocks(section); !found || len(shown) == 0 {
		t.Error("webhook/README.md shows no rejection")
	}
	for _, b := range blocks(section) {
		if b.kind == "console" && !strings.Contains(page, b.text) {
			t.Errorf("this is not in %s:\n%s", galleryPage, b.text)
		}
	}
}

// exhibit is one section of the gallery.
type exhibit struct {
	namespace string   // its manifest; empty: the usual one
	stored    []string // manifests of objects that are there already
	commands  string   // what happened then, as a script
	manifest  string   // what the user applies
	printed   string   // the command and what kubectl prints
	remedy    string   // a manifest, a merge patch of the manifest, or nothing
}

// block is a fenced block of a page: its language and its text.
type block struct{ kind, text string }

var fenced = regexp.MustCompile("\n```([a-z]+)[a-z ]*\n((?s:.*?))```\n")

func blocks(text string) []block {
	var found []block
	for _, match := range fenced.FindAllStringSubmatch(text, -1) {
		found = append(found, block{match[1], match[2]})
	}
	return found
}

func readExhibit(t *testing.T, section string) exhibit {
	t.Helper()
	var e exhibit
	var before []string
	for _, b := range blocks(section) {
		switch {
		case b.kind == "sh" && e.printed == "":
			e.commands += b.text
		case b.kind == "sh": // another test runs it
		case b.kind == "console":
			e.printed = b.text
		case e.printed == "":
			before = append(before, b.text)
		default:
			e.remedy = b.text
		}
	}
	if len(before) == 0 || e.printed == "" {
		t.Fatal("the section has no manifest, or does not say what is printed")
	}
	e.manifest, before = before[len(before)-1], before[:len(before)-1]
	for _, manifest := range before {
		if isNamespace(manifest) {
			e.namespace = manifest
		} else {
			e.stored = append(e.stored, manifest)
		}
	}
	return e
}

// show tells what the page should say.
func (e exhibit) show(t *testing.T) (printed string) {
	t.Helper()
	namespace := newNamespace(t, nil)
	kubectl.MustApply(t, "", e.moved(e.namespace, namespace)) // its warnings are of no interest
	for _, manifest := range e.stored {
		kubectl.MustApply(t, "", e.moved(manifest, namespace))
	}
	if e.commands != "" {
		if said, err := newShell(t, namespace).run(t.Context(), strings.ReplaceAll(e.commands, "shop", namespace)); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
	}
	command, _, _ := strings.Cut(e.printed, "\n")
	folder := t.TempDir()
	file := filepath.Join(folder, command[strings.LastIndex(command, " ")+1:])
	if err := os.WriteFile(file, []byte(e.moved(e.manifest, namespace)), 0o600); err != nil {
		t.Fatal(err)
	}
	answer, _ := kubectl.Show(t.Context(), "apply", "--filename="+file)
	said := strings.NewReplacer(folder+"/", "", namespace, "shop").Replace(answer)
	e.applyRemedy(t, namespace)
	return command + "\n" + said
}

// applyRemedy applies the remedy. Nothing is left to say then.
func (e exhibit) applyRemedy(t *testing.T, namespace string) {
	t.Helper()
	var fixed []string
	switch {
	case e.remedy == "":
		return
	case isNamespace(e.remedy) && !isNamespace(e.manifest):
		fixed = []string{e.remedy, e.manifest}
	case strings.Contains(e.remedy, "kind: "):
		fixed = []string{e.remedy}
	default:
		fixed = []string{merged(t, e.manifest, e.remedy)}
	}
	for _, manifest := range fixed {
		said, err := kubectl.Apply(t.Context(), "", e.moved(manifest, namespace))
		if err != nil || strings.Contains(said, "Warning: ") {
			t.Errorf("the remedy is none: %v %s\n%s", err, said, manifest)
		}
	}
}

var placeOfNamespace = regexp.MustCompile(`(?m)(\bnamespace: |^ {2}name: )shop\b`)

// moved puts a manifest into the test's own namespace.
func (exhibit) moved(manifest, namespace string) string {
	return placeOfNamespace.ReplaceAllString(manifest, "${1}"+namespace)
}

func isNamespace(manifest string) bool { return strings.Contains(manifest, "\nkind: Namespace\n") }

// labelled makes a namespace one that the webhook is not asked about: annotations that it would refuse may be older than itself.
func labelled(t *testing.T, manifest string) string {
	t.Helper()
	return merged(t, manifest, "metadata: {labels: {"+older+": 'true'}}")
}

// merged applies a merge patch (RFC 7396), as YAML, to a manifest.
func merged(t *testing.T, manifest, patch string) string {
	t.Helper()
	var target, changes map[string]any
	for text, into := range map[string]*map[string]any{manifest: &target, patch: &changes} {
		if err := yaml.Unmarshal([]byte(text), into); err != nil {
			t.Fatalf("%v:\n%s", err, text)
		}
	}
	merge(target, changes)
	text, err := yaml.Marshal(target)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func merge(target, changes map[string]any) {
	for name, value := range changes {
		below, isObject := value.(map[string]any)
		members, wasObject := target[name].(map[string]any)
		switch {
		case value == nil:
			delete(target, name)
		case isObject && wasObject:
			merge(members, below)
		default:
			target[name] = value
		}
	}
}
