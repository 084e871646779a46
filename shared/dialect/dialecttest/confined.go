package dialecttest

import (
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/plan"
)

// labelsFor are labels of a namespace that all selectors of what a plan may use match, as far as labels alone make them.
func labelsFor(p *plan.Plan) map[string]string {
	labels := map[string]string{}
	for _, c := range p.Confined {
		for _, to := range c.To {
			if to.Selector == nil {
				continue
			}
			maps.Copy(labels, to.Selector.MatchLabels)
			for _, e := range to.Selector.MatchExpressions {
				if (e.Operator == metav1.LabelSelectorOpIn || e.Operator == metav1.LabelSelectorOpExists) && labels[e.Key] == "" {
					labels[e.Key] = append(e.Values, "")[0]
				}
			}
		}
	}
	return labels
}

// onlyWay is what a namespace must be to use a thing, where there is one way, so that no namespace is still admitted once that changes;
// else it is empty.
func onlyWay(c plan.Confined) string {
	if len(c.To) != 1 {
		return ""
	}
	to := c.To[0]
	switch selector := to.Selector; {
	case len(to.Names) == 1 && len(to.Patterns) == 0 && selector == nil:
		return "name " + to.Names[0]
	case len(to.Names) == 0 && len(to.Patterns) == 1 && selector == nil:
		return "pattern " + to.Patterns[0]
	case len(to.Names)+len(to.Patterns) == 0 && selector != nil && len(selector.MatchLabels) == 1 && len(selector.MatchExpressions) == 0:
		for key, value := range selector.MatchLabels {
			return "label " + key + "=" + value
		}
	}
	return ""
}
