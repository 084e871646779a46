package check

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// The parts of SARIF 2.1.0 that GitHub's code scanning reads:
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		ColumnKind  string            `json:"columnKind"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string    `json:"id"`
		ShortDescription sarifText `json:"shortDescription"`
		FullDescription  sarifText `json:"fullDescription"`
		Help             sarifText `json:"help"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifInvocation struct {
		ExecutionSuccessful bool                `json:"executionSuccessful"`
		Notifications       []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level   Severity  `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifResult struct {
		RuleID    Rule            `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     Severity        `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
		// Fingerprints tell which results of two runs are the same one, wherever it has moved.
		Fingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
	}
)

// maxResults is how many results GitHub takes in one run; it refuses the file if there are more.
const maxResults = 25_000

func sarif(findings []Finding, version string) sarifLog {
	run := sarifRun{
		Tool:        sarifTool{Driver: sarifDriver{Name: "secretgate", Version: version}},
		ColumnKind:  "unicodeCodePoints",
		Invocations: []sarifInvocation{{ExecutionSuccessful: true}},
		Results:     []sarifResult{},
	}
	index, seen := map[Rule]int{}, map[string]int{}
	for i, d := range descriptions() {
		index[d.rule] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
			ID: string(d.rule), ShortDescription: sarifText{d.says}, FullDescription: sarifText{d.says}, Help: sarifText{d.says},
		})
	}
	for _, f := range findings[:min(len(findings), maxResults)] {
		text := f.text()
		if f.Object != "" {
			text = f.Object + ": " + text
		}
		run.Results = append(run.Results, sarifResult{
			RuleID: f.Rule, RuleIndex: index[f.Rule], Level: f.Severity, Message: sarifText{text},
			Locations: []sarifLocation{{sarifPhysical{
				Artifact: sarifArtifact{uri(f.File)},
				Region:   sarifRegion{StartLine: f.Line, StartColumn: f.Column},
			}}},
			Fingerprints: map[string]string{"primaryLocationLineHash": fingerprint(f, seen)},
		})
	}
	if more := len(findings) - maxResults; more > 0 {
		run.Invocations[0].Notifications = []sarifNotification{{Warning, sarifText{
			fmt.Sprintf("%d more findings are left out: code scanning takes %d", more, maxResults)}}}
	}
	return sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}}
}

// uri is a file's address; that of a relative name is relative to the repository that holds it.
func uri(file string) string {
	address := url.URL{Path: filepath.ToSlash(shown(file))}
	if filepath.IsAbs(file) {
		address.Scheme = "file"
	}
	return address.String()
}

// fingerprint names a finding by what it is about, with a number where there are several of one.
func fingerprint(f Finding, seen map[string]int) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{f.File, string(f.Rule), f.Object, f.Path}, "\x00")))
	name := hex.EncodeToString(sum[:8])
	seen[name]++
	return fmt.Sprintf("%s:%d", name, seen[name])
}
