package release

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// workflow is what these tests read of a workflow. `make lint` has actionlint read all of it.
type workflow struct {
	Permissions *map[string]string `json:"permissions"`
	Jobs        map[string]struct {
		Permissions *map[string]string `json:"permissions"`
		Uses        string             `json:"uses"`
		Steps       []struct {
			Uses string         `json:"uses"`
			With map[string]any `json:"with"`
		} `json:"steps"`
	} `json:"jobs"`
}

func TestWorkflowsTrustNothingMoreThanTheyNeed(t *testing.T) {
	files, err := filepath.Glob("../../.github/workflows/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("got workflows %v and error %v, want some", files, err)
	}
	pinned := regexp.MustCompile(`^[a-z-]+/[a-z-]+@[0-9a-f]{40}$`)
	writes := map[string]string{} // what a job may write
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var w workflow
		if err := yaml.Unmarshal(text, &w); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if w.Permissions == nil || len(*w.Permissions) > 0 {
			t.Errorf("%s gives permissions %v to every job, want none", file, w.Permissions)
		}
		for name, job := range w.Jobs {
			if job.Permissions == nil {
				t.Errorf("job %s of %s does not say what it may do", name, file)
				continue
			}
			for scope, access := range *job.Permissions {
				if access == "write" {
					writes[filepath.Base(file)+" "+name+" "+scope] = access
				}
			}
			for _, step := range job.Steps {
				if step.Uses != "" && !pinned.MatchString(step.Uses) {
					t.Errorf("%s uses %s, want an action by the digest of its commit", file, step.Uses)
				}
				if strings.HasPrefix(step.Uses, "actions/checkout@") && step.With["persist-credentials"] != false {
					t.Errorf("%s leaves its token in the checkout, want persist-credentials: false", file)
				}
			}
		}
	}
	want := []string{"release.yml draft contents", "release.yml publish id-token", "release.yml publish packages"}
	for _, right := range want {
		if writes[right] == "" {
			t.Errorf("no right to write for %s, want it", right)
		}
		delete(writes, right)
	}
	if len(writes) > 0 {
		t.Errorf("got further rights to write %v, want none", writes)
	}
}

// The pages say what the certificate of a release names, which is the file of the workflow that makes it.
func TestTheWorkflowThatReleasesIsTheOneThatUsersExpect(t *testing.T) {
	text, err := os.ReadFile("../../.github/workflows/release.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`tags: ["v*"]`, `make release VERSION="$GITHUB_REF_NAME" REGISTRY="ghcr.io/${GITHUB_REPOSITORY,,}"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("release.yml is without %s, which the pages rely on", want)
		}
	}
}

// TestRenovateNamesWhatThereIs does what Renovate does not: it has no error for a file that is gone. Its own schema is not to be had
// without the network.
func TestRenovateNamesWhatThereIs(t *testing.T) {
	text, err := os.ReadFile("../../.github/renovate.json")
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Schema            string   `json:"$schema"`
		Extends           []string `json:"extends"`
		PostUpdateOptions []string `json:"postUpdateOptions"`
		CustomManagers    []struct {
			Description         string   `json:"description"`
			CustomType          string   `json:"customType"`
			ManagerFilePatterns []string `json:"managerFilePatterns"`
			MatchStrings        []string `json:"matchStrings"`
			DepNameTemplate     string   `json:"depNameTemplate"`
			DatasourceTemplate  string   `json:"datasourceTemplate"`
		} `json:"customManagers"`
		PackageRules []struct {
			Description       string   `json:"description"`
			MatchManagers     []string `json:"matchManagers"`
			MatchFileNames    []string `json:"matchFileNames"`
			MatchDepNames     []string `json:"matchDepNames"`
			MatchDepTypes     []string `json:"matchDepTypes"`
			MatchUpdateTypes  []string `json:"matchUpdateTypes"`
			MatchCurrentValue string   `json:"matchCurrentValue"`
			GroupName         string   `json:"groupName"`
			PinDigests        bool     `json:"pinDigests"`
			Enabled           *bool    `json:"enabled"`
			PostUpdateOptions []string `json:"postUpdateOptions"`
		} `json:"packageRules"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&config); err != nil {
		t.Fatal(err)
	}
	for _, rule := range config.PackageRules {
		for _, name := range rule.MatchFileNames {
			if found, err := filepath.Glob("../../" + strings.ReplaceAll(name, "/**", "/*")); err != nil || len(found) == 0 {
				t.Errorf("rule %q names %s, which is not there", rule.Description, name)
			}
		}
	}
	for _, manager := range config.CustomManagers {
		for i, pattern := range manager.ManagerFilePatterns {
			file := strings.NewReplacer("/^", "", "$/", "", `\`, "").Replace(pattern)
			content, err := os.ReadFile("../../" + file)
			if err != nil {
				t.Error(err)
			}
			if match := regexp.MustCompile(manager.MatchStrings[i]); !match.Match(content) {
				t.Errorf("%s finds nothing in %s, want a version", match, file)
			}
		}
	}
}
