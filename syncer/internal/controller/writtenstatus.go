package controller

import (
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/plan"
)

// writtenStatus is the status of an object as it was last written. It is kept until the cache shows it, or for good where the API server
// keeps part of it alone: the CRD of another product has no place for all that a sync remembers.
type writtenStatus struct {
	uid     types.UID
	version string      // resourceVersion of the object with this status
	record  plan.Record // as it was written
	kept    plan.Record // as the API server keeps it
}

func (r *writtenStatus) whole() bool { return sameRecord(r.record, r.kept) }

// older reports whether an object is as it was before its status was last written.
func (s *objectState) older(object client.Object) bool {
	if s.reported == nil {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(object.GetResourceVersion(), s.reported.version)
	return err == nil && order < 0
}

// report records a status that was written. kept is what the API server keeps of it.
func (s *objectStates) report(object client.Object, record, kept plan.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of(client.ObjectKeyFromObject(object)).reported = &writtenStatus{
		uid: object.GetUID(), version: object.GetResourceVersion(), record: record, kept: kept,
	}
	s.unkept.learn(record, kept)
}

// seen forgets a status that was written once the cache shows all of it.
func (s *objectStates) seen(object client.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.objects[client.ObjectKeyFromObject(object)]
	if state != nil && state.reported != nil && !state.older(object) && state.reported.whole() {
		state.reported = nil
	}
}

// newer is the status that was last written, where an object from the cache is older than that: compared with the older one, a change
// might be missed.
func (s *objectStates) newer(object client.Object) (record plan.Record, newer bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.objects[client.ObjectKeyFromObject(object)]
	if state != nil && state.older(object) {
		return state.reported.record, true
	}
	return plan.Record{}, false
}

// whole is the Record that was written, where the status of an object says what the API server has kept of it; else what the status says.
func (s *objectStates) whole(object client.Object, says plan.Record) plan.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.objects[client.ObjectKeyFromObject(object)]
	if state == nil || state.reported == nil || state.reported.uid != object.GetUID() {
		return says
	}
	if state.older(object) || sameRecord(state.reported.kept, says) {
		return state.reported.record
	}
	return says
}

// complete adds to a Record what a later one knows and the kind's status has no place for: where the earlier one is of a process before
// this, that is nothing new.
func (s *objectStates) complete(last, next plan.Record) plan.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unkept.secret && last.Secret == "" {
		last.Secret = next.Secret
	}
	if s.unkept.version && last.SecretResourceVersion == "" {
		last.SecretResourceVersion = next.SecretResourceVersion
	}
	if s.unkept.revision && last.DataRevision == 0 {
		last.SecretUID, last.DataRevision = next.SecretUID, next.DataRevision
	}
	if s.unkept.entries && len(last.Entries) == 0 {
		last.Entries = next.Entries
	}
	return last
}

// unkept is what of a Record is lost, since the status has no place for it.
type unkept struct{ secret, version, revision, entries bool }

func (u *unkept) learn(record, kept plan.Record) {
	u.secret = u.secret || record.Secret != "" && kept.Secret == ""
	u.version = u.version || record.SecretResourceVersion != "" && kept.SecretResourceVersion == ""
	u.revision = u.revision || record.DataRevision != 0 && kept.DataRevision == 0
	u.entries = u.entries || len(record.Entries) > 0 && len(kept.Entries) == 0
}

// learnPlaces finds out what the status of a kind has places for. The API server may keep less, which its answers show.
func (s *objectStates) learnPlaces(kind dialect.Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.learnt {
		return
	}
	s.learnt = true
	record := plan.Record{
		Ready: "True", Reason: plan.ReasonSynced, Secret: "a", SecretResourceVersion: "1", SecretUID: "1", DataRevision: 1,
		Entries: []plan.EntryRecord{{Field: "spec"}},
	}
	status := kind.Status(kind.New())
	status.Put(record)
	s.unkept.learn(record, status.Record())
}

// sameRecord reports whether two Records say the same, times included.
func sameRecord(a, b plan.Record) bool {
	return !isNews(a, b) && a.LastSync.Equal(b.LastSync) && a.LastSuccess.Equal(b.LastSuccess)
}
