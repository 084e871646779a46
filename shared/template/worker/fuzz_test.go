package worker

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/template"
	"github.com/secretgate/secretgate/shared/template/lodash"
)

// FuzzEngines runs any text in a worker: whatever becomes of it, it is answered, without the value in a problem, and the next request is, too.
func FuzzEngines(f *testing.F) {
	for _, seed := range []string{
		"${data.x}", "<%= JSON.parse(data.x) %>", "<% for (;;); %>", "<%- yaml.dump(data) %>", "a<%%>b", "<%= ((((", "{{ .x | b64enc }}", "{{ index . \"x\" }}", "{{ range", "plain",
		"{{ .x | filterPEM .x }}", "{{ mustRegexMatch .x .x }}", "{{ index (fromJson .x) .x }}", `{{ define "x" }}{{ hexdec . }}{{ end }}{{ template "x" .x }}`,
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	var pool Pool
	f.Cleanup(pool.Close)
	f.Fuzz(func(t *testing.T, source string, javascript bool) {
		if !utf8.ValidString(source) {
			return // no object holds it
		}
		request := js(source)
		if !javascript {
			request.Engine = template.Go
		}
		answer, err := pool.Do(t.Context(), "ns", at, request)
		if err != nil {
			t.Fatal(err)
		}
		for _, problem := range answer.Problems {
			if strings.Contains(problem.Detail, "planted") && !strings.Contains(source, "planted") {
				t.Errorf("the problem of %q holds the value", source)
			}
		}
		if javascript && !lodash.IsTemplate(source) && len(answer.Rendered) == 1 && string(answer.Rendered[0]) != source {
			t.Errorf("got %q of a text without code, want it as it is", answer.Rendered[0])
		}
	})
}

// FuzzReceive reads any bytes as a message, within its limit.
func FuzzReceive(f *testing.F) {
	var message bytes.Buffer
	if err := send(&message, template.Answer{ID: 1, Rendered: [][]byte{[]byte("x")}}, maxAnswer); err != nil {
		f.Fatal(err)
	}
	f.Add(message.Bytes())
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, stream []byte) {
		var first, second template.Answer
		if receive(bytes.NewReader(stream), &first, maxAnswer) != nil {
			return
		}
		var again bytes.Buffer
		if err := send(&again, first, maxAnswer); err != nil {
			t.Fatal(err)
		}
		if err := receive(&again, &second, maxAnswer); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("-first +second:\n%s", diff)
		}
	})
}
