package measure

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Metric adds up all series of one name that a Prometheus endpoint (host:port) shows now, those alone that carry a label such
// as `kind="Secret"` if one is given; found says whether there was one.
func Metric(ctx context.Context, address, name, label string) (sum float64, found bool, err error) {
	text, err := scrape(ctx, address)
	if err != nil {
		return 0, false, err
	}
	return Series(text, name, label)
}

func scrape(ctx context.Context, address string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", http.NoBody)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the metrics at %s answer %s", address, response.Status)
	}
	return string(text), nil
}

// Series is Metric on a text that was read already.
func Series(text, name, label string) (sum float64, found bool, err error) {
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || (rest[0] != '{' && rest[0] != ' ') || !strings.Contains(rest, label) {
			continue
		}
		fields := strings.Fields(rest)
		n, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if err != nil {
			return 0, false, fmt.Errorf("metric %s: %w", name, err)
		}
		sum, found = sum+n, true
	}
	return sum, found, nil
}
