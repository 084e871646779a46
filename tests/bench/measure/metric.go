package measure

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/secretgate/secretgate/tests/lab"
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
	return lab.Get(ctx, "http://"+address+"/metrics")
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
