package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestUntil(t *testing.T) {
	wrong, over := errors.New("wrong"), errors.New("over")
	poll := Poll{Limit: time.Minute, Every: 10 * time.Second}
	for name, tc := range map[string]struct {
		passes, ends time.Duration // of the check, and of the context
		want         error
		took         time.Duration
	}{
		"what passes at once is checked once":                 {ends: time.Hour},
		"what passes later is waited for":                     {passes: 25 * time.Second, ends: time.Hour, took: 30 * time.Second},
		"after the limit it is what the check said":           {passes: time.Hour, ends: time.Hour, want: wrong, took: time.Minute},
		"when the context ends first it is the cause of that": {passes: time.Hour, ends: 15 * time.Second, want: over, took: 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeoutCause(t.Context(), tc.ends, over)
				defer cancel()
				begin := time.Now()
				err := poll.Until(ctx, func() error {
					if time.Since(begin) < tc.passes {
						return wrong
					}
					return nil
				})
				if !errors.Is(err, tc.want) || time.Since(begin) != tc.took {
					t.Errorf("got %v after %s, want %v after %s", err, time.Since(begin), tc.want, tc.took)
				}
			})
		})
	}
}

func TestKubectl(t *testing.T) {
	failed := errors.New("exit status 1")
	for name, tc := range map[string]struct {
		stdout, stderr string
		err            error
		shown, said    string
	}{
		"a success shows warnings, then the output": {"created\n", "Warning: old\n", nil, "Warning: old\ncreated\n", ""},
		"a failure is what kubectl says":            {"", "Error: denied\n", failed, "Error: denied\n", "Error: denied"},
		"a failure without a word is the exit":      {"diff\n", "", failed, "diff\n", "kubectl said nothing: exit status 1"},
	} {
		t.Run(name, func(t *testing.T) {
			k := Kubectl(func(context.Context, io.Reader, ...string) (stdout, stderr string, err error) {
				return tc.stdout, tc.stderr, tc.err
			})
			shown, err := k.Show(t.Context())
			printed, _ := k.Run(t.Context())
			if diff := cmp.Diff([]string{tc.shown, tc.stdout, tc.said}, []string{shown, printed, text(err)}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestApply(t *testing.T) {
	k := Kubectl(func(_ context.Context, stdin io.Reader, args ...string) (stdout, stderr string, err error) {
		manifest, err := io.ReadAll(stdin)
		return fmt.Sprint(string(manifest), args), "", err
	})
	got := []string{k.MustApply(t, "", "m"), k.MustApply(t, "team", "m", "--server-side")}
	want := []string{"m[apply --filename=-]", "m[apply --filename=- --namespace=team --server-side]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPathOfARef(t *testing.T) {
	grouped := schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "things"}
	for want, ref := range map[string]Ref{
		"/api/v1/namespaces/team/secrets/db":                Secret("team", "db"),
		"/api/v1/namespaces/team":                           {schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}, "", "team"},
		"/apis/example.com/v1/namespaces/team/things/db":    {grouped, "team", "db"},
		"/apis/example.com/v1/things/for-the-whole-cluster": {grouped, "", "for-the-whole-cluster"},
	} {
		if got := ref.Path(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// The object that is returned is the first one that reports all that is wanted, and holds nothing of an earlier reading.
func TestAwaitReason(t *testing.T) {
	const good = `"conditions": [{"type": "Ready", "reason": "Synced", "observedGeneration": 2}]`
	answers := []string{
		"",
		`{"metadata": {"generation": 1}}`,
		`{"metadata": {"generation": 3}, "spec": {"old": "x"}, "status": {"status": "SUCCESS", ` + good + `}}`,
		`{"metadata": {"generation": 2}, "status": {"status": "SUCCESS", ` + strings.Replace(good, "Ready", "Other", 1) + `}}`,
		`{"metadata": {"generation": 2}, "status": {"status": "SUCCESS", ` + strings.Replace(good, "Synced", "Denied", 1) + `}}`,
		`{"metadata": {"generation": 2}, "status": {"status": "ERROR", ` + good + `}}`,
		`{"metadata": {"generation": 2}, "spec": {"new": "y"}, "status": {"status": "SUCCESS", ` + good + `}}`,
	}
	asked := 0
	client := &Client{HTTP: &http.Client{Transport: answering(func() *http.Response {
		code, answer := http.StatusOK, answers[asked]
		asked++
		if answer == "" {
			code = http.StatusNotFound
		}
		return &http.Response{StatusCode: code, Body: io.NopCloser(strings.NewReader(answer))}
	})}}
	type thing struct{ Spec map[string]string }
	synctest.Test(t, func(t *testing.T) {
		got, err := AwaitReason[thing](t.Context(), client, Secret("team", "db"), "Synced", "SUCC")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&thing{map[string]string{"new": "y"}}, got); diff != "" || asked != len(answers) {
			t.Errorf("asked %d times (-want +got):\n%s", asked, diff)
		}
	})
}

type answering func() *http.Response

func (a answering) RoundTrip(*http.Request) (*http.Response, error) { return a(), nil }

func TestObjectWithoutAStatusIsNotReady(t *testing.T) {
	var o Object
	if err := json.Unmarshal([]byte(`{"metadata": {"name": "db"}, "data": {}}`), &o); err != nil {
		t.Fatal(err)
	}
	if o.Ready().Reason != "" || o.reports("Synced", "") == nil {
		t.Errorf("got condition %v, want none", o.Ready())
	}
}

func TestHolds(t *testing.T) {
	for name, tc := range map[string]struct {
		have map[string][]byte
		want map[string]string
		says string
	}{
		"the same entries":   {map[string][]byte{"a": []byte("x")}, map[string]string{"a": "x"}, ""},
		"another value":      {map[string][]byte{"a": []byte("x")}, map[string]string{"a": "y"}, "entry a does not hold the wanted value"},
		"a missing entry":    {nil, map[string]string{"a": ""}, "there is no entry a"},
		"one more entry":     {map[string][]byte{"a": nil, "b": nil}, map[string]string{"a": ""}, "got 2 entries, want 1"},
		"nothing is nothing": {nil, nil, ""},
	} {
		if got := text(Holds(tc.have, tc.want)); got != tc.says {
			t.Errorf("%s: got %q, want %q", name, got, tc.says)
		}
	}
}

func TestMetrics(t *testing.T) {
	const m = Metrics("# HELP a x\na{b=\"c d\",e=\"f\"} 2\na{bb=\"c d\"} 4\na 3\nab 100\nbroken x\n")
	for name, tc := range map[string]struct {
		metric string
		labels []string
		sum    float64
		found  bool
	}{
		"series add up, and a longer name is not it": {"a", nil, 9, true},
		"a label chooses, by its whole name":         {"a", []string{`b="c d"`}, 2, true},
		"all labels must be there":                   {"a", []string{`b="c d"`, `e="g"`}, 0, false},
		"a later label counts, too":                  {"a", []string{`e="f"`}, 2, true},
		"no such metric":                             {"none", nil, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			sum, found, err := m.Sum(tc.metric, tc.labels...)
			if sum != tc.sum || found != tc.found || err != nil {
				t.Errorf("got %v, %v, %v, want %v, %v", sum, found, err, tc.sum, tc.found)
			}
		})
	}
	if _, _, err := m.Sum("broken"); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("got error %v, want one that names the metric", err)
	}
	series, err := m.Series("a", `e="f"`)
	if err != nil || len(series) != 1 {
		t.Fatalf("got %v, %v, want one series", series, err)
	}
	if got := []string{series[0].Label("b"), series[0].Label("e"), series[0].Label("f")}; !cmp.Equal(got, []string{"c d", "f", ""}) {
		t.Errorf("got labels %q", got)
	}
}
