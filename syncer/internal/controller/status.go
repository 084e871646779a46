package controller

import (
	"reflect"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
)

// maxEntries bounds how many entries a Record holds.
const maxEntries = 100

// nextRecord is the Record after an attempt. It never holds a value.
func nextRecord(last plan.Record, generation int64, o outcome, forceSync string, now time.Time) plan.Record {
	next, at := last, now.Truncate(time.Second)
	next.Generation = generation
	next.Ready, next.Reason, next.Message = o.ready(last.Ready), o.reason, o.message
	if next.Ready != last.Ready {
		next.Since = at
	}
	if o.reason == plan.ReasonSuspended {
		return next // the rest describes the last attempt, and this was none
	}
	next.LastSync = at
	next.ForceSync = forceSync
	if o.entries != nil {
		next.Entries = o.entries
	}
	if o.ok() {
		next.LastSuccess = at
	}
	switch o.reason {
	case plan.ReasonSynced:
		next.Secret, next.SecretResourceVersion = o.result.Secret, o.result.ResourceVersion
		next.SecretUID, next.DataRevision = o.result.UID, o.result.Revision
	case plan.ReasonSecretDeleted:
		next.Secret, next.SecretResourceVersion, next.SecretUID = "", "", "" // the count goes on
	case plan.ReasonSecretMissing: // the Secret of an earlier name is removed once this one is there
		next.SecretResourceVersion, next.SecretUID = "", ""
	}
	return next
}

// isNews reports whether a Record differs from the last one in more than the times of attempts.
func isNews(last, next plan.Record) bool {
	same := last.Since.Equal(next.Since) && slices.Equal(last.Entries, next.Entries)
	for _, r := range []*plan.Record{&last, &next} {
		r.LastSync, r.LastSuccess, r.Since, r.Entries = time.Time{}, time.Time{}, time.Time{}, nil
	}
	return !same || !reflect.DeepEqual(last, next)
}

// isDue reports whether an unchanged Record is due as a heartbeat.
func isDue(last, next plan.Record, heartbeat time.Duration) bool {
	return heartbeat > 0 && !next.LastSync.IsZero() && !last.LastSync.IsZero() && next.LastSync.Sub(last.LastSync) >= heartbeat
}

// heartbeatRecord is an unchanged Record at a later time. fresh is when the oldest source was last read with success; zero where
// one fails.
func heartbeatRecord(last plan.Record, fresh, now time.Time) plan.Record {
	next := last
	if fresh.IsZero() {
		next.LastSync = now.Truncate(time.Second)
		return next
	}
	next.LastSync = fresh.Truncate(time.Second)
	if last.Ready == metav1.ConditionTrue {
		next.LastSuccess = next.LastSync
	}
	return next
}

// entriesOf describes the reads of a plan: their versions, and the kind of those that failed.
func entriesOf(p *plan.Plan, result fetch.Result) []plan.EntryRecord {
	failed := make(map[plan.Source]plan.Reason, len(result.Failures))
	for _, f := range result.Failures {
		failed[f.Source] = reasonOf(f.Err)
	}
	entries := make([]plan.EntryRecord, 0, min(len(p.Entries), maxEntries))
	for _, e := range p.Entries[:min(len(p.Entries), maxEntries)] {
		entry := plan.EntryRecord{Field: e.Field, Name: e.Name, Error: failed[e.Source], Version: result.Versions[e.Source]}
		if e.Source.Optional && result.Values != nil && len(result.Values[e.Source]) == 0 {
			entry.Error = plan.ReasonSecretNotFound
		}
		if entry.Error != "" {
			entry.Version = "" // the version that was read before is not what the backend has now
		}
		entries = append(entries, entry)
	}
	return entries
}
