package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/tests/docs/fence"
)

// TestCommandsWithinSentences looks for each command that a page names within a sentence, and for its options, in what the program
// says of itself. Such commands are not run: they leave out what the reader knows.
func TestCommandsWithinSentences(t *testing.T) {
	t.Parallel()
	pages, err := fence.Pages(theLab.Root)
	if err != nil {
		t.Fatal(err)
	}
	p := &programs{shell: newShell(t, newNamespace(t, nil)), helps: map[string]string{}}
	seen := 0
	for _, page := range pages {
		source, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, span := range fence.Spans(source) {
			known, err := p.check(t, span)
			if known {
				seen++
			}
			if err != nil {
				t.Errorf("%s: `%s`: %v", page, span, err)
			}
		}
	}
	if seen < 50 {
		t.Errorf("got %d commands, want those of all pages", seen)
	}
}

// programs are asked for their help, once for each command.
type programs struct {
	shell *shell
	helps map[string]string
}

var option = regexp.MustCompile(`^(--[a-z][a-z-]*|-[a-zA-Z])(=|$)`)

// check is an error if a program has no such command, or the command no such option. known: the span is a command.
func (p *programs) check(t *testing.T, span string) (known bool, err error) {
	t.Helper()
	words := strings.Fields(span)
	if len(words) < 2 {
		return false, nil
	}
	var options []string
	for _, word := range words {
		if found := option.FindStringSubmatch(word); found != nil {
			options = append(options, found[1])
		}
	}
	var command string
	switch program := strings.TrimPrefix(words[0], "bin/"); program {
	case "kubectl":
		command = "kubectl " + verbOf(words[1:])
	case "vault":
		command = strings.Join(words[:min(3, len(words))], " ")
	case "webhook", "syncer", "kubeseal":
		command = program
		if program == "webhook" {
			command += " " + words[1]
		}
	case "make":
		return true, p.checkTargets(words[1:])
	default:
		return false, nil
	}
	help, err := p.help(t, command)
	if err != nil {
		return true, err
	}
	for _, o := range options {
		if o == "--help" {
			continue // it was just asked for
		}
		if !regexp.MustCompile(`(?m)(^|[\s,\[])` + regexp.QuoteMeta(o) + `([=,\s:\]]|$)`).MatchString(help) {
			return true, fmt.Errorf("got the option %s, want one that `%s --help` lists", o, command)
		}
	}
	return true, nil
}

// verbOf is kubectl's command, of which some have two words. A namespace may stand before it.
func verbOf(words []string) string {
	for len(words) > 2 && strings.HasPrefix(words[0], "-") {
		words = words[2:]
	}
	if len(words) > 1 && slices.Contains([]string{"rollout", "config"}, words[0]) {
		return words[0] + " " + words[1]
	}
	return words[0]
}

func (p *programs) help(t *testing.T, command string) (string, error) {
	t.Helper()
	if help, asked := p.helps[command]; asked {
		return help, nil
	}
	script := command + " --help 2>&1"
	if strings.HasPrefix(command, "kubectl ") {
		script += " && kubectl options"
	}
	help, err := p.shell.run(t.Context(), script)
	if err != nil {
		return "", fmt.Errorf("got %w, want a command that has help: %s", err, help)
	}
	// The help of a command that does not exist is that of its program.
	if program, _, sub := strings.Cut(command, " "); sub && program != "vault" && !regexp.MustCompile(`(?i)usage:\s+`+command+`\b`).MatchString(help) {
		return "", fmt.Errorf("got the command `%s`, want one that %s has", command, program)
	}
	p.helps[command] = help
	return help, nil
}

// checkTargets wants each word that sets no variable to be a target.
func (*programs) checkTargets(words []string) error {
	makefile, err := os.ReadFile(filepath.Join(theLab.Root, "Makefile"))
	if err != nil {
		return err
	}
	for _, word := range words {
		if strings.Contains(word, "=") || strings.Contains(word, "'") || strings.Contains(word, "…") {
			break
		}
		if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(word) + `:`).Match(makefile) {
			return fmt.Errorf("got the target %s, want one of the Makefile", word)
		}
	}
	return nil
}

func TestUnknownCommandsWithinSentencesAreFound(t *testing.T) {
	t.Parallel()
	p := &programs{shell: newShell(t, newNamespace(t, nil)), helps: map[string]string{}}
	for span, want := range map[string]bool{
		"kubectl -n secretgate scale deployment/syncer --replicas=N": true,
		"kubectl get KIND -o wide -n NAMESPACE":                      true,
		"kubectl gett pods":                                          false,
		"kubectl get pods --everywhere":                              false,
		"kubectl rollout redo deployment":                            false,
		"bin/webhook check --compare-matching":                       true,
		"webhook check --compare":                                    false,
		"webhook chek FILE":                                          false,
		"vault kv get secret/shop/db":                                true,
		"vault kw get secret/shop/db":                                false,
		"make test-unit":                                             true,
		"make tests":                                                 false,
		"kubeseal --re-encrypt --format yaml":                        true,
		"kubeseal --encrypt-again":                                   false,
	} {
		if known, err := p.check(t, span); !known || (err == nil) != want {
			t.Errorf("%s: got %v, want it to pass: %v", span, err, want)
		}
	}
}
