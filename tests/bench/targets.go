package main

import (
	"maps"

	"github.com/secretgate/secretgate/tests/bench/report"
)

// targets are what the medians are to reach, at the sizes of a whole run.
func targets() map[report.Key]report.Target {
	const small, large = 1000, 10000
	key := func(scenario string, objects, replicas int, name, unit string) report.Key {
		return report.Key{Scenario: scenario, Objects: objects, Replicas: replicas, Name: name, Unit: unit}
	}
	most := func(limit float64) report.Target { return report.Target{Limit: limit} }
	least := func(limit float64) report.Target { return report.Target{AtLeast: true, Limit: limit} }
	all := map[report.Key]report.Target{
		key("cold", small, 1, relativeName, ""):    least(0.75),
		key("cold", small, 1, "backend calls", ""): most(60),
		key("cold", large, 1, scaleName, ""):       least(0.8),

		key("steady", small, 1, "backend calls an interval", ""):    most(55),
		key("steady", small, 1, "API server writes but leases", ""): most(0),
		key("steady", small, 1, "CPU", "s"):                         most(0.3),
		key("steady", small, 1, "RSS", "MiB"):                       most(80),
		key("steady", large, 1, "RSS", "MiB"):                       most(200),

		key("late", small, 1, "median", "ms"): most(32),
		key("late", small, 1, "p95", "ms"):    most(37),
		key("late", large, 1, "p95", "ms"):    most(250),

		key("shared", small, 1, "backend calls an interval", ""):     most(1),
		key("shared", small, 1, "a rotation is in all Secrets", "s"): most(65),

		key("outage", small, 1, "backend calls while it is down", ""):              most(60),
		key("outage", small, 1, "Secrets touched while it is down", ""):            most(0),
		key("outage", small, 1, "all Secrets are right again, after its end", "s"): most(15),

		key("restart", small, 1, "Secret writes", ""):                  most(0),
		key("restart", small, 1, "Secret reads", ""):                   most(50),
		key("restart", small, 1, "backend calls more than before", ""): most(0),

		key("replicas", small, 2, spreadName, "%"):                                         most(100 * balance),
		key("replicas", small, 4, spreadName, "%"):                                         most(100 * balance),
		key("replicas", small, 2, ratioName, ""):                                           most(1.3),
		key("replicas", small, 4, ratioName, ""):                                           most(1.3),
		key("replicas", small, 2, sharedName, ""):                                          most(2),
		key("replicas", small, 4, sharedName, ""):                                          most(4),
		key("replicas", small, 2, "kill -9 of one, all its objects are served after", "s"): most(30),
		key("replicas", small, 2, "scale-out from 1, balanced after", "s"):                 most(15),

		key("admission", teamsPerObject*small, 1, bothAddName(10), "ms"):             most(1.5),
		key("admission", teamsPerObject*small, 1, handlerName("mutating"), "ms"):     most(2),
		key("admission", teamsPerObject*small, 1, handlerName("validating"), "ms"):   most(2),
		key("admission", teamsPerObject*small, 1, atPace("applies that failed"), ""): most(0),
		key("admission", teamsPerObject*small, 1, callsName(forms()[0].name), ""):    most(1),

		key("templates", small, 1, templatesRatioName, ""): most(1.15),
	}
	maps.Copy(all, neighbourTargets())
	return all
}

// neighbourTargets are those of the healthy tenant, and of the services, beside a hostile one.
func neighbourTargets() map[report.Key]report.Target {
	all := map[report.Key]report.Target{}
	most := func(about, name, unit string, limit float64) {
		key := report.Key{Scenario: "neighbour", Objects: healthyObjects, Replicas: 1, Name: about + ": " + name, Unit: unit}
		all[key] = report.Target{Limit: limit}
	}
	for _, d := range disturbances() {
		most(d.name, lateRatioName, "", 2)
		most(d.name, rotationRatioName, "", 2)
		most(d.name, peakName, "MiB", memoryLimit)
		most(d.name, unhealthyName, "", 0)
		most(d.name, normalName, "s", recoveryTime.Seconds())
	}
	for _, v := range volleys() {
		most(v.name, applyRatioName, "", 2)
		most(v.name, applyAfterName, "", 2)
		most(v.name, appliesFailedName, "", 0)
		most(v.name, peakName, "MiB", webhookMemoryLimit)
		most(v.name, unhealthyName, "", 0)
	}
	most("edits", editCallsName, "", 10)
	most(retryAfterName, readAgainName, "s", 61)
	return all
}

const scaleName = "rate relative to that of the small number"

// derive adds what compares medians with each other.
func (b *bench) derive() {
	median := func(scenario string, objects, replicas int, name, unit string) float64 {
		return b.results.Median(report.Key{Scenario: scenario, Objects: objects, Replicas: replicas, Name: name, Unit: unit})
	}
	if b.large > 0 {
		small, large := median("cold", b.small, 1, rateName, perSecond), median("cold", b.large, 1, rateName, perSecond)
		b.note("cold", b.large, 1, scaleName, "", large/small)
	}
	if b.wants("replicas") {
		b.note("replicas", b.small, 1, coldRateName, perSecond, median("cold", b.small, 1, rateName, perSecond))
	}
	one := median("replicas", b.small, 1, distinctName, "")
	for _, n := range replicaCounts()[1:] {
		b.note("replicas", b.small, n, ratioName, "", median("replicas", b.small, n, distinctName, "")/one)
	}
}
