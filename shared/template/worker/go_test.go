package worker

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/template"
)

// golang asks for a text made of the entry x by a Go template.
func golang(source string) template.Request {
	request := js(source)
	request.Engine, request.Options.MissingKey = template.Go, "error"
	return request
}

// TestHostileGoTemplates ends each of them, as TestHostileTemplates does.
func TestHostileGoTemplates(t *testing.T) {
	var pool Pool
	defer pool.Close()
	for name, source := range map[string]string{
		"a string of a gigabyte":                     `{{ repeat 1000000000 "a" | len }}`,
		"a string that is repeated a negative time":  `{{ repeat -1 .x }}`,
		"two megabytes of text":                      `{{ repeat 2097152 "a" }}`,
		"a list of a billion":                        `{{ untilStep 0 1000000000 1 | len }}`,
		"nested ranges that write":                   `{{ range until 10000 }}{{ range until 10000 }}a{{ end }}{{ end }}`,
		"nested ranges that write nothing":           `{{ range until 10000 }}{{ range until 10000 }}{{ if 0 }}a{{ end }}{{ end }}{{ end }}`,
		"ranges over a number":                       `{{ range 1000000000000 }}{{ end }}`,
		"templates that call themselves":             `{{ define "x" }}{{ template "x" . }}{{ end }}{{ template "x" . }}`,
		"templates that call each other, twice each": `{{ define "a" }}{{ template "b" . }}{{ template "b" . }}{{ end }}{{ define "b" }}{{ template "a" . }}{{ template "a" . }}{{ end }}{{ template "a" . }}`,
		"strings that double":                        `{{ $s := "a" }}{{ range until 100 }}{{ $s = cat $s $s }}{{ end }}{{ len $s }}`,
		"lists that double":                          `{{ $l := list 1 }}{{ range until 100 }}{{ $l = concat $l $l }}{{ end }}{{ len $l }}`,
		"a replacement of ten gigabytes":             `{{ repeat 100000 "a" | replace "a" (repeat 100000 "a") | len }}`,
		"an indentation of a gigabyte":               `{{ indent 1000000000 .x }}`,
		"a seq of a billion":                         `{{ seq 1 1000000000 | len }}`,
		"a bomb of YAML's aliases":                   `{{ $y := "a: &a [1, 1]\n" }}{{ range $i, $_ := until 40 }}{{ $y = printf "%sb%d: &b%d [*%s, *%s]\n" $y $i $i (ternary "a" (printf "b%d" (sub $i 1)) (eq $i 0)) (ternary "a" (printf "b%d" (sub $i 1)) (eq $i 0)) }}{{ end }}{{ fromYaml $y | toJson | len }}`,
		"a dictionary that holds itself":             `{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ toJson $d | len }}{{ $d | toString | len }}`,
		"a value as a pattern":                       `{{ mustRegexMatch (cat "(" .x) "a" }}`,
		"a value as a number":                        `{{ index (list 1) .x }}`,
		"a value as the name of a template":          `{{ .x.y.z }}`,
		"a value as a format":                        `{{ mustToDate .x .x }}`,
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			answer, err := pool.Do(t.Context(), "ns", at, golang(source))
			runtime.ReadMemStats(&after)
			if err != nil {
				t.Fatal(err)
			}
			if len(answer.Problems) != 1 || len(answer.Rendered) > 0 {
				t.Fatalf("got the texts %.100q and the problems %v, want one problem", answer.Rendered, answer.Problems)
			}
			if problem := answer.Problems[0]; strings.Contains(problem.Error(), "planted") || problem.Field != at {
				t.Errorf("got the problem %q, want one at %s without the value", problem.Error(), at)
			}
			if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 8<<20 {
				t.Errorf("the parent allocated %d bytes, want 8 MiB at most", allocated)
			}
			mustRender(t, &pool, "ns", "${data.x}", "planted")
		})
	}
}

// TestAnArchiveOfMillionsOfRounds is ended by the worker's time: the library reads any number.
func TestAnArchiveOfMillionsOfRounds(t *testing.T) {
	var pool Pool
	defer pool.Close()
	archive, err := pkcs12.Modern2023.WithIterations(0x10001).EncodeTrustStore(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	archive = bytes.ReplaceAll(archive, []byte{2, 3, 1, 0, 1}, []byte{2, 3, 0x7f, 0xff, 0xff}) // an integer of three bytes
	request := golang("{{ pkcs12key .x }}")
	request.Values[0].Data = archive
	answer, err := pool.Do(t.Context(), "ns", at, request)
	if err != nil || len(answer.Problems) != 1 || answer.Problems[0].Kind != template.Limit {
		t.Errorf("got %+v and the error %v, want that it takes too long", answer, err)
	}
}

// goPlan reads the entry x, and has a Go template.
func goPlan(kind plan.EntryKind, source string) *plan.Plan {
	p := &plan.Plan{
		Words:   &plan.Words{Spec: "spec"},
		Entries: []plan.Entry{{Kind: kind, Name: "x"}},
		Template: plan.Template{Engine: template.Go, Options: template.Options{MissingKey: "error", Delimiters: [2]string{"<<", ">>"}}, Made: []plan.Made{
			{Text: template.Text{Field: at, Source: source}, Part: plan.InStringData, Name: "n"},
		}},
	}
	p.Object.NamespacedName = types.NamespacedName{Namespace: "ns", Name: "o"}
	return p
}

// TestPlansOfGoTemplates checks and renders with the options of the plan.
func TestPlansOfGoTemplates(t *testing.T) {
	var pool Pool
	defer pool.Close()
	for _, tc := range []struct {
		name, source    string
		kind            plan.EntryKind
		wrong, warnings []string
		rendered        string
	}{
		{"an entry", `<< .x >>{{ .y }}`, plan.Single, nil, nil, "v{{ .y }}"},
		{"an entry that the object does not have", `<< if false >><< .y >><< index . "z" >><< end >>`, plan.Single, nil, []string{
			at + ": line 1, column 18: the object has no entry y: the template fails where it uses it",
			at + ": line 1, column 34: the object has no entry z: the template fails where it uses it",
		}, ""},
		{"an entry that a value may have", `<< if false >><< .y >><< end >>`, plan.Members, nil, nil, ""},
		{"a function that is not there", `<< now >>`, plan.Single, []string{at + `: Invalid value: line 1, column 1: "now" is no function that templates have: it reads the clock or the machine's time zone`}, nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := goPlan(tc.kind, tc.source)
			wrong, warnings, err := pool.Check(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range wrong {
				got = append(got, w.Error())
			}
			if diff := cmp.Diff(tc.wrong, got); diff != "" {
				t.Errorf("what is wrong: -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(tc.warnings, warnings); diff != "" {
				t.Errorf("warnings: -want +got:\n%s", diff)
			}
			answer, err := pool.Render(t.Context(), p, []template.Entry{{Name: "x", Data: []byte("v")}})
			if err != nil || len(tc.wrong) == 0 && len(answer.Problems) > 0 {
				t.Fatalf("got %+v and the error %v", answer, err)
			}
			if got := strings.Join(rendered(answer), ""); got != tc.rendered {
				t.Errorf("got %q, want %q", got, tc.rendered)
			}
		})
	}
}
