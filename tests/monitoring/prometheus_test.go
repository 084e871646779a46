package monitoring

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/process"
)

// prometheus is a running server that scrapes both services of a lab.
type prometheus struct{ address string }

// sample is a series and, of an instant query, its value.
type sample struct {
	Metric map[string]string `json:"metric"`
}

func startPrometheus(t *testing.T, l *lab.Lab) prometheus {
	t.Helper()
	folder := t.TempDir()
	rules, err := filepath.Abs(filepath.Join(component, "rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs:
  - {job_name: syncer, honor_labels: true, static_configs: [{targets: [%q], labels: {instance: syncer-0}}]}
  - {job_name: webhook, honor_labels: true, static_configs: [{targets: [%q], labels: {instance: webhook-0}}]}
`, rules, l.Syncer.MetricsAddress, l.Webhook.MetricsAddress)
	if err := os.WriteFile(filepath.Join(folder, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := prometheus{address: freeAddress(t)}
	server, err := process.Start(process.Command{
		Name: "prometheus", Path: tool(t, "prometheus"), Log: filepath.Join(folder, "log"),
		Args: []string{
			"--config.file=" + filepath.Join(folder, "prometheus.yml"), "--storage.tsdb.path=" + filepath.Join(folder, "data"),
			"--web.listen-address=" + p.address,
		},
		Env: []string{"HOME=" + folder},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	ready := func(ctx context.Context) error { return p.get(ctx, "/api/v1/status/buildinfo", nil, nil) }
	if err := server.Await(t.Context(), harness.Timeout, ready); err != nil {
		t.Fatal(err)
	}
	return p
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// get asks Prometheus' API. What it answers with an error is one.
func (p prometheus) get(ctx context.Context, path string, query url.Values, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+path+"?"+query.Encode(), http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s: status %d: %w", path, response.StatusCode, err)
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s: %s", path, answer.Error)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer.Data, into)
}

func (p prometheus) mustGet(t *testing.T, path string, query url.Values, into any) {
	t.Helper()
	if err := p.get(t.Context(), path, query, into); err != nil {
		t.Fatal(err)
	}
}

// query evaluates an expression now.
func (p prometheus) query(ctx context.Context, expr string) ([]sample, error) {
	var result struct{ Result []sample }
	err := p.get(ctx, "/api/v1/query", url.Values{"query": {expr}}, &result)
	return result.Result, err
}

// labels are those that a metric's series have, with their values.
func (p prometheus) labels(t *testing.T, metric string) map[string]map[string]bool {
	t.Helper()
	var series []map[string]string
	p.mustGet(t, "/api/v1/series", url.Values{"match[]": {metric}}, &series)
	labels := map[string]map[string]bool{}
	for _, s := range series {
		for name, value := range s {
			if labels[name] == nil {
				labels[name] = map[string]bool{}
			}
			labels[name][value] = true
		}
	}
	return labels
}

// selector is what an expression reads of one metric.
type selector struct {
	metric string
	equal  map[string]string // labels that must have a value
	labels []string          // others that it matches
}

// parsed is what an expression reads, and by which labels it groups and joins.
type parsed struct {
	selectors []selector
	grouping  []string
}

// parse has Prometheus' own parser take an expression apart.
func (p prometheus) parse(t *testing.T, expr string) parsed {
	t.Helper()
	var tree any
	p.mustGet(t, "/api/v1/parse_query", url.Values{"query": {expr}}, &tree)
	var found parsed
	found.walk(tree)
	return found
}

func (f *parsed) walk(node any) {
	switch node := node.(type) {
	case []any:
		for _, child := range node {
			f.walk(child)
		}
	case map[string]any:
		if kind, _ := node["type"].(string); strings.HasSuffix(kind, "Selector") {
			f.selectors = append(f.selectors, selectorOf(node))
			return
		}
		f.grouping = append(f.grouping, texts(node["grouping"])...)
		if matching, ok := node["matching"].(map[string]any); ok {
			f.grouping = append(f.grouping, texts(matching["labels"])...)
		}
		for _, child := range node {
			f.walk(child)
		}
	}
}

func selectorOf(node map[string]any) selector {
	name, _ := node["name"].(string)
	s := selector{metric: name, equal: map[string]string{}}
	matchers, _ := node["matchers"].([]any)
	for _, m := range matchers {
		matcher, _ := m.(map[string]any)
		label, _ := matcher["name"].(string)
		value, _ := matcher["value"].(string)
		switch {
		case label == "__name__":
		case matcher["type"] == "=":
			s.equal[label] = value
		default:
			s.labels = append(s.labels, label)
		}
	}
	return s
}

func texts(list any) []string {
	items, _ := list.([]any)
	var all []string
	for _, item := range items {
		if text, ok := item.(string); ok {
			all = append(all, text)
		}
	}
	return all
}
