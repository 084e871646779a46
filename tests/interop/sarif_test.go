package interop

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
)

// TestSARIF judges what `webhook check --output sarif` writes, as its golden test keeps it, by the standard's own schema.
func TestSARIF(t *testing.T) {
	text, err := os.ReadFile("../../webhook/internal/check/testdata/findings/positions.sarif")
	if err != nil {
		t.Fatal(err)
	}
	if err := flaw(text); err != nil {
		t.Error(err)
	}
	for name, broken := range map[string][2]string{
		"a result without a message":   {`"message": {`, `"fixes": [], "notMessage": {`},
		"a line before the first":      {`"startLine": 3`, `"startLine": 0`},
		"a level that is none":         {`"level": "error"`, `"level": "fatal"`},
		"a version that is none":       {`"version": "2.1.0"`, `"version": "2.1"`},
		"a field that no report knows": {`"columnKind"`, `"columnSort"`},
	} {
		if worse := strings.Replace(string(text), broken[0], broken[1], 1); worse == string(text) || flaw([]byte(worse)) == nil {
			t.Errorf("%s is not found", name)
		}
	}
}

// flaw is what is wrong with a report. The schema is asked about what was read, so that reading must lose nothing.
func flaw(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&sarif.Report{}); err != nil {
		return err
	}
	report, err := sarif.FromBytes(text)
	if err != nil {
		return err
	}
	for _, run := range report.Runs { // what the report need not say, the library writes as nothing, which the schema refuses
		run.Language, run.Tool.Driver.Language, run.NewlineSequences = "en-US", "en-US", []string{"\n"}
	}
	return report.Validate()
}
