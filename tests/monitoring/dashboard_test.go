package monitoring

import (
	"context"
	"errors"
	"flag"
	"html"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/monitoring/picture"
)

var update = flag.Bool("update", false, "draw the dashboard of kustomize/docs/monitoring.md anew, of what Prometheus sees in two minutes")

// pictureFile is what kustomize/docs/monitoring.md shows.
const pictureFile = root + "/kustomize/docs/dashboard.svg"

// pictured is the time that it shows.
const pictured = 2 * time.Minute

// TestGrafanasDecoderAcceptsTheDashboard decodes the dashboard as strictly as Grafana's own SDK can: a field or option that Grafana
// does not know, that it misses, or that is of another type, is an error.
func TestGrafanasDecoderAcceptsTheDashboard(t *testing.T) {
	plugins.RegisterDefaultPlugins()
	var decoded dashboard.Dashboard //nolint:staticcheck // the form that Grafana imports; dashboardv2 is that of its new API
	var none cog.BuildErrors        // the decoder answers an empty list where there is no mistake
	err := decoded.UnmarshalJSONStrict(dashboardText(t))
	if found := errors.As(err, &none); err != nil && (!found || len(none) > 0) {
		t.Error(err)
	}
	if err := decoded.Validate(); err != nil {
		t.Error(err)
	}
	if got, want := len(decoded.Panels), len(readDashboard(t)); got != want {
		t.Errorf("got %d panels, want %d", got, want)
	}
}

func TestThePictureIsOfTheDashboard(t *testing.T) {
	drawn, err := os.ReadFile(pictureFile)
	if err != nil {
		t.Fatal(err)
	}
	d, err := picture.Read(dashboardText(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Panels {
		title := html.EscapeString(p.Title) + "</text>"
		if !strings.Contains(string(drawn), title) || p.Type != "row" && !strings.Contains(string(drawn), p.Place()) {
			t.Errorf("got no panel %q at %s in %s: go test ./tests/monitoring -run Exposed -update", p.Title, p.Place(), pictureFile)
		}
	}
}

func dashboardText(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(component, "dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// drawn draws the dashboard of what Prometheus sees, while users go on applying: a rate is of what happens.
func drawn(t *testing.T, l *lab.Lab, p prometheus) {
	t.Helper()
	end := time.Now()
	if *update {
		end = end.Add(pictured)
	}
	var svg string
	err := harness.Poll{Every: 2 * time.Second}.Until(t.Context(), func() error {
		if err := admit(t.Context(), l); err != nil {
			return err
		}
		d, err := picture.Read(dashboardText(t))
		if err != nil {
			return err
		}
		if err := d.Fill(t.Context(), p.history); err != nil {
			return err
		}
		if svg = d.SVG(); strings.Contains(svg, "No data") {
			return errors.New("a panel shows no data")
		}
		if time.Now().Before(end) {
			return errors.New("the picture is of a longer time")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !*update {
		return
	}
	if err := os.WriteFile(pictureFile, []byte(svg), 0o600); err != nil {
		t.Fatal(err)
	}
}

// admit has the webhook allow one apply and deny another.
func admit(ctx context.Context, l *lab.Lab) error {
	kubectl := harness.Kubectl(l.Kubectl)
	if _, err := kubectl.Run(ctx, "annotate", "es/good", "-n", "team", "--overwrite", "at="+time.Now().Format(time.RFC3339Nano)); err != nil {
		return err
	}
	if _, err := kubectl.Apply(ctx, "", object("spec", "denied", "slow")); err == nil {
		return errors.New("a forbidden object is stored")
	}
	return nil
}

// history is the picture.Query of the time that is pictured.
func (p prometheus) history(ctx context.Context, expr string, instant bool) ([]picture.Series, error) {
	const step = 2 * time.Second
	expr = strings.NewReplacer("$namespace", ".*", "$__rate_interval", "20s").Replace(expr)
	now := time.Now()
	values := url.Values{
		"query": {expr}, "step": {step.String()},
		"start": {strconv.FormatInt(now.Add(-pictured).Unix(), 10)}, "end": {strconv.FormatInt(now.Unix(), 10)},
	}
	if instant {
		values.Set("start", values.Get("end"))
	}
	var answer struct {
		Result []struct {
			Metric map[string]string
			Values [][2]any
		}
	}
	if err := p.get(ctx, "/api/v1/query_range", values, &answer); err != nil {
		return nil, err
	}
	var all []picture.Series
	for _, r := range answer.Result {
		s := picture.Series{Labels: r.Metric}
		for _, pair := range r.Values {
			at, _ := pair[0].(float64)
			text, _ := pair[1].(string)
			// A quantile of nothing is no number.
			if v, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
				s.Points = append(s.Points, picture.Point{Time: at, Value: v})
			}
		}
		if len(s.Points) > 0 {
			all = append(all, s)
		}
	}
	return all, nil
}
