package main

import (
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

		key("neighbour", healthyObjects, 1, "edits: "+editCallsName, ""):            most(10),
		key("neighbour", healthyObjects, 1, retryAfterName+": "+readAgainName, "s"): most(61),
	}
	for _, d := range disturbances() {
		for name, target := range map[[2]string]float64{
			{lateRatioName, ""}: 2, {rotationRatioName, ""}: 2, {peakName, "MiB"}: memoryLimit, {unhealthyName, ""}: 0, {normalName, "s"}: settles.Seconds(),
		} {
			all[key("neighbour", healthyObjects, 1, d.name+": "+name[0], name[1])] = most(target)
		}
	}
	for _, v := range volleys() {
		for name, target := range map[[2]string]float64{
			{applyRatioName, ""}: 2, {applyAfterName, ""}: 2, {appliesFailedName, ""}: 0, {peakName, "MiB"}: webhookMemoryLimit, {unhealthyName, ""}: 0,
		} {
			all[key("neighbour", healthyObjects, 1, v.name+": "+name[0], name[1])] = most(target)
		}
	}
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
