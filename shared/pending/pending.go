// Package pending is what the condition RestartPending says: which workloads still have a previous Secret, and what each waits for. The
// restarter writes it, and the command line reads it.
package pending

import (
	"fmt"
	"slices"
	"strings"
)

// The reasons of the condition beside those that workloads wait for.
const (
	// ReasonSeveral: workloads wait for different things, which the message lists.
	ReasonSeveral = "SeveralReasons"
	// ReasonNothing: the condition was true, and is not any more.
	ReasonNothing = "NothingWaits"
)

// Wait is what some workloads wait for.
type Wait struct {
	Reason    string   // one word
	Meaning   string   // what is waited for, and how that ends; no period is in it
	Workloads []string // each as kind and name, such as Deployment web
}

const (
	begin = "pods still have the previous Secret. "
	// maxNamed is how many workloads a Wait names, and maxMessage bounds a message, in bytes. The restarter's admission policy bounds it, too.
	maxNamed   = 10
	maxMessage = 4000
)

// Says is the reason and the message of the condition, given all that workloads wait for.
func Says(waits []Wait) (reason, message string) {
	switch len(waits) {
	case 0:
		return ReasonNothing, "no workload waits for a restart"
	case 1:
		reason = waits[0].Reason
	default:
		reason = ReasonSeveral
	}
	parts := make([]string, 0, len(waits))
	for _, w := range waits {
		parts = append(parts, fmt.Sprintf("%s: %s: %s", w.Reason, listed(w.Workloads), w.Meaning))
	}
	message = begin + strings.Join(parts, ". ")
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "…"
	}
	return reason, message
}

// listed names workloads, the first of many.
func listed(workloads []string) string {
	all := slices.Sorted(slices.Values(workloads))
	if len(all) > maxNamed {
		all = append(all[:maxNamed], fmt.Sprintf("%d more", len(all)-maxNamed))
	}
	return strings.Join(all, ", ")
}

// For is what a workload waits for, as a condition says; empty where it does not say. The message names the first of many workloads: where
// all wait for the same, those that it does not name do as well.
func For(workload, reason, message string) (word, meaning string) {
	var only Wait
	parts := strings.Split(strings.TrimPrefix(message, begin), ". ")
	for _, part := range parts {
		items := strings.SplitN(part, ": ", 3) //nolint:mnd // reason, workloads, meaning, which may have colons
		if len(items) < 3 {
			continue
		}
		only = Wait{Reason: items[0], Meaning: items[2]}
		if slices.Contains(strings.Split(items[1], ", "), workload) {
			return only.Reason, only.Meaning
		}
	}
	if len(parts) == 1 && only.Reason == reason {
		return only.Reason, only.Meaning
	}
	return "", ""
}
