package show

import (
	"fmt"
	"slices"
	"strings"

	"github.com/secretgate/secretgate/webhook/cli/shape"
)

// Status is that of an installation.
type Status shape.Installation

func (s Status) write(p *Page) {
	p.title("SERVICES in namespace " + s.Namespace)
	rows := [][]string{{"SERVICE", "READY", "IMAGE", "VERSIONS"}}
	for _, one := range s.Services {
		rows = append(rows, []string{one.Name, fmt.Sprintf("%d/%d", one.Ready, one.Wanted), orNone(one.Image), orNone(versions(one))})
	}
	s.rows(p, "services", rows)
	p.title("WEBHOOKS")
	rows = [][]string{{"WEBHOOK", "CONFIGURATION", "FAILURE POLICY", "CA"}}
	for _, one := range s.Webhooks {
		rows = append(rows, []string{one.Name, one.Configuration, one.FailurePolicy, map[bool]string{true: "set", false: "missing"}[one.CA]})
	}
	s.rows(p, "webhooks", rows)
	p.title("SHARDS")
	rows = [][]string{{"RING", "HOLDER", "RENEWED", "MEMBERS"}}
	for _, one := range s.Replicas {
		age := one.Age + " ago"
		if one.Expired {
			age += " (expired)"
		}
		rows = append(rows, []string{one.Ring, one.Holder, age, fmt.Sprint(one.Members)})
	}
	s.rows(p, "replicas", rows)
	s.health(p)
	p.title("OBJECTS")
	rows = [][]string{{"NAMESPACE", "KIND", "READY", "COUNT"}}
	for _, one := range s.Objects {
		rows = append(rows, []string{one.Namespace, one.Kind, orNone(one.Reason), fmt.Sprint(one.Count)})
	}
	s.rows(p, "objects", rows)
	p.notes(s.Notes)
}

// rows writes a table below its titles, or that there is nothing, or that it is not known.
func (s Status) rows(p *Page, what string, rows [][]string) {
	switch {
	case len(rows) == 1 && slices.Contains(s.Unknown, what):
		p.line("  not known")
		return
	case len(rows) == 1:
		p.line("  none")
		return
	}
	p.table("  ", nil, rows...)
}

// health is what the pods say by their metrics.
func (s Status) health(p *Page) {
	rows := [][]string{{"POD", "BREAKERS OPEN", "OVERDUE", "STATE"}}
	for _, service := range s.Services {
		for _, one := range service.Instances {
			if !one.Measured {
				rows = append(rows, []string{one.Pod, "-", "-", "metrics could not be read"})
				continue
			}
			overdue := "-"
			if one.Overdue != nil {
				overdue = fmt.Sprintf("%.0fs", *one.Overdue)
			}
			rows = append(rows, []string{one.Pod, orNone(breakers(one)), overdue, orNone(state(p, one))})
		}
	}
	p.title("HEALTH")
	s.rows(p, "services", rows)
}

func breakers(i shape.Instance) string {
	var open []string
	for _, b := range i.Breakers {
		open = append(open, fmt.Sprintf("%s %d", b.Backend, b.Open))
	}
	return strings.Join(open, ", ")
}

func state(p *Page, i shape.Instance) string {
	var says []string
	for _, one := range []struct {
		holds bool
		says  string
	}{
		{i.Stalled, "reads make no progress"}, {i.Alone, "serves everything, as it can have no Lease"},
		{i.Suspended, "serves nothing, as it cannot renew its Lease"},
	} {
		if one.holds {
			says = append(says, one.says)
		}
	}
	if i.CertificateBy != nil {
		says = append(says, "certificate until "+i.CertificateBy.UTC().Format("2006-01-02")+" (in "+p.ahead(i.CertificateBy)+")")
	}
	return strings.Join(says, "; ")
}

func versions(s shape.Service) string {
	var all []string
	for _, i := range s.Instances {
		if i.Version != "" && !strings.Contains(" "+strings.Join(all, " ")+" ", " "+i.Version+" ") {
			all = append(all, i.Version)
		}
	}
	return strings.Join(all, ", ")
}
