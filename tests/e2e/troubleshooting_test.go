package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
)

const troublePage = "kustomize/docs/troubleshooting.md"

// TestTroubleshooting does what each section of the page shows: it brings the trouble about, applies the manifest, compares what the
// commands print with the page, and removes the cause, after which the object must be synced.
func TestTroubleshooting(t *testing.T) {
	leaveUnguarded(t) // for what a webhook would not let through
	sections := strings.Split(readPage(t, troublePage), "\n### ")
	cases := troubles()
	t.Run("all", func(t *testing.T) {
		for i, section := range sections[1:] {
			name, _, _ := strings.Cut(section, "\n")
			section, _, _ = strings.Cut(section, "\n## ")
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c, known := cases[name]
				if !known {
					t.Fatal("got a section that the table of the test does not know, want a line for it")
				}
				e := readExhibit(t, section)
				said := c.show(t, e)
				diff := cmp.Diff(strings.Split(steady(e.printed), "\n"), strings.Split(steady(said), "\n"))
				switch {
				case diff != "" && *update:
					sections[i+1] = strings.Replace(sections[i+1], e.printed, said, 1)
				case diff != "":
					t.Errorf("got what the page does not show (-%s +printed):\n%s", troublePage, diff)
				}
			})
		}
	})
	if *update {
		if err := os.WriteFile(filepath.Join(theLab.Root, troublePage), []byte(strings.Join(sections, "\n### ")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTroubleshootingIsWhole: each reason that condition Ready can have is on the page, and each case of the table.
func TestTroubleshootingIsWhole(t *testing.T) {
	t.Parallel()
	page := readPage(t, troublePage)
	for _, reason := range plan.Reasons() {
		if !strings.Contains(page, "`"+string(reason)+"`") {
			t.Errorf("got no word about the reason %s in %s, want its cause and remedy", reason, troublePage)
		}
	}
	for name := range troubles() {
		if !strings.Contains(page, "\n### "+name+"\n") {
			t.Errorf("got no section %q in %s, want one", name, troublePage)
		}
	}
}

func readPage(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(theLab.Root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// trouble is what a section of the page needs beside its manifests.
type trouble struct {
	reason plan.Reason // empty: the object has no status
	before action      // makes the cause
	after  action      // removes it, where no manifest of the page does
}

// action is something that happens outside of the object. One that starts a syncer returns it, and the object is that syncer's.
type action func(t *testing.T, namespace string) *ownSyncer

// show brings the trouble about, returns what the section's commands print, and applies the remedy.
func (c trouble) show(t *testing.T, e exhibit) (printed string) {
	t.Helper()
	namespace := olderNamespace(t, nil)
	if c.reason == plan.ReasonInvalidSpec {
		kubectl.Must(t, "label", "namespace", namespace, unguarded+"=true")
	}
	syncer := c.before(t, namespace)
	manifests := append(slices.Clone(e.stored), e.manifest)
	if e.namespace != "" {
		manifests = append(manifests, e.namespace) // the page shows what it became later
	}
	for i, manifest := range manifests {
		if syncer != nil {
			manifest = merged(t, manifest, "spec: {controllerId: "+syncer.id+"}")
		}
		harness.Eventually(t, func() error { // the API server learns of selectors and labels with a delay
			_, err := kubectl.Apply(t.Context(), "", e.moved(manifest, namespace))
			return err
		})
		if i == len(e.stored) && e.namespace != "" {
			awaitReason(t, namespace, "db", plan.ReasonSynced)
		}
	}
	printed = c.await(t, namespace, e.printed)
	c.remedy(t, e, namespace, syncer)
	return printed
}

// await runs the commands of a console block until each says what the table expects.
func (c trouble) await(t *testing.T, namespace, shown string) (printed string) {
	t.Helper()
	if c.reason != "" {
		awaitReason(t, namespace, "db", c.reason)
	}
	s := newShell(t, namespace)
	for _, command := range commandsOf(shown) {
		harness.Eventually(t, func() error {
			said, err := s.run(t.Context(), command)
			if err != nil || !strings.Contains(said, string(c.reason)) {
				return errors.Join(err, errors.New("got no reason "+string(c.reason)+" in what `"+command+"` prints: "+said))
			}
			printed += "$ " + command + "\n" + strings.ReplaceAll(said, namespace, "shop")
			return nil
		})
	}
	return masked(printed)
}

// remedy does what the section says, and wants the object to be synced then.
func (c trouble) remedy(t *testing.T, e exhibit, namespace string, syncer *ownSyncer) {
	t.Helper()
	c.after(t, namespace)
	if fixed := e.remedy; fixed != "" {
		if !strings.Contains(fixed, "kind: ") {
			fixed = merged(t, e.manifest, fixed)
		}
		if syncer != nil {
			fixed = merged(t, fixed, "spec: {controllerId: "+syncer.id+"}")
		}
		kubectl.MustApply(t, "", e.moved(fixed, namespace))
	}
	if syncer == nil { // else it is the syncer that has to change
		awaitReason(t, namespace, "db", plan.ReasonSynced)
	}
}

// commandsOf are the commands of a console block, one on a line.
func commandsOf(shown string) (commands []string) {
	for line := range strings.Lines(shown) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			commands = append(commands, strings.TrimSpace(command))
		}
	}
	return commands
}

var (
	duration = regexp.MustCompile(`\b\d+(\.\d+)?(ms|s|m|h|d)(\d+(ms|s|m|h))*\b( \(x\d+ over \S+\))?`)
	moment   = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	suffix   = regexp.MustCompile(`(secret:\S+-)\w{6}\b`) // of AWS's ARNs
	blanks   = regexp.MustCompile(`[ -]{2,}`)
	loopback = regexp.MustCompile(`https?://127\.0\.0\.1:\d+`)
)

// masked puts what users have in the place of the address of a lab's Vault.
func masked(printed string) string {
	return loopback.ReplaceAllString(printed, "https://vault.example.com:8200")
}

// steady masks what differs from one run to the next: times, the ends of ARNs, and the width of columns.
func steady(printed string) string {
	printed = suffix.ReplaceAllString(printed, "${1}SUFFIX")
	printed = moment.ReplaceAllString(duration.ReplaceAllString(printed, "TIME"), "TIME")
	return blanks.ReplaceAllString(printed, "  ")
}
