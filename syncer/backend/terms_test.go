package backend

import (
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// TestTermsOfHints finds terms that no code replaces, in the texts of this package and of the drivers.
func TestTermsOfHints(t *testing.T) {
	known := map[string]bool{driver.TermIdentity: true}
	for _, term := range []plan.Term{
		plan.TermBackend, plan.TermEngine1, plan.TermEngine2, plan.TermInterval, plan.TermRecursive,
		plan.TermRole, plan.TermLocation, plan.TermMount, plan.TermContainer,
	} {
		known[string(term)] = true
	}
	form, found := regexp.MustCompile(`\{[a-z]+(?: [0-9a-z]+)?\}`), 0
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		for _, text := range literals(t, path) {
			for _, term := range form.FindAllString(text, -1) {
				found++
				if !known[term] {
					t.Errorf("%s: %q has the term %s, want one of plan's", path, text, term)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found == 0 {
		t.Error("no text has a term")
	}
}

// literals are the texts in a file.
func literals(t *testing.T, path string) []string {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var s scanner.Scanner
	s.Init(token.NewFileSet().AddFile(path, -1, len(source)), source, nil, 0)
	var texts []string
	for {
		_, kind, literal := s.Scan()
		if kind == token.EOF {
			return texts
		}
		if text, err := strconv.Unquote(literal); kind == token.STRING && err == nil {
			texts = append(texts, text)
		}
	}
}
