package admit

import (
	"encoding/json"

	"github.com/secretgate/secretgate/shared/dialect"
)

// lastApplied is where kubectl keeps the manifest of a client-side apply.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// Provenance is what is known of the manifests behind a request. An object alone does not tell
// which of its fields its author wrote: what an earlier conversion made is still in it.
type Provenance struct {
	manifest shape // what the author wrote; nil where that is unknown
	previous shape // what the same author wrote before; nil where that is unknown
	others   shape // the fields that other appliers and writers hold, converted; server-side apply only
}

// Writer is who sends a request, as request.options says it. Those do not tell an apply from other
// writes: the API server makes UpdateOptions of all.
type Writer struct {
	FieldManager string `json:"fieldManager"`
}

// provenance finds the manifests. Admission changes neither of the two places: both keep the
// deprecated fields that the author wrote, though the stored object has lost them.
func provenance(d dialect.Deprecations, updated, old map[string]any, w Writer) Provenance {
	if old == nil { // created: the object is the manifest
		return Provenance{manifest: shapeOf(updated)}
	}
	if p, ok := serverSideApply(d, updated, old, w); ok {
		return p
	}
	return clientSideApply(updated, old)
}

// serverSideApply reads the applier's managed fields. A write that is no apply can come from a
// manager of the same name; it shows in that manager's entry for updates.
func serverSideApply(d dialect.Deprecations, updated, old map[string]any, w Writer) (Provenance, bool) {
	version, _ := updated["apiVersion"].(string)
	apply := managed{manager: w.FieldManager, operation: "Apply", version: version}
	update := managed{manager: w.FieldManager, operation: "Update", version: version}
	entries := managedFields(updated)
	manifest, applied := entries[apply]
	if !applied || written(entries[update], managedFields(old)[update]) {
		return Provenance{}, false
	}
	p := Provenance{manifest: entryShape(manifest), previous: entryShape(managedFields(old)[apply]), others: shape{}}
	for key, entry := range entries {
		if key != apply {
			p.others.join(entryShape(entry).converted(d))
		}
	}
	return p, true
}

// written reports whether a request wrote by the manager of an entry for updates. That sets the
// entry's time, which has seconds only, and adds fields; an apply can only take fields away.
func written(entry, before map[string]any) bool {
	switch {
	case entry == nil:
		return false
	case before == nil:
		return true
	default:
		return entry["time"] != before["time"] || !entryShape(before).covers(entryShape(entry))
	}
}

// managed names an entry of metadata.managedFields.
type managed struct{ manager, operation, version string }

// managedFields indexes the entries that are about the object itself, not a subresource.
func managedFields(object map[string]any) map[managed]map[string]any {
	metadata, _ := object["metadata"].(map[string]any)
	list, _ := metadata["managedFields"].([]any)
	entries := make(map[managed]map[string]any, len(list))
	for _, item := range list {
		entry, _ := item.(map[string]any)
		text := func(name string) string { s, _ := entry[name].(string); return s }
		if entry != nil && text("subresource") == "" {
			entries[managed{text("manager"), text("operation"), text("apiVersion")}] = entry
		}
	}
	return entries
}

func entryShape(entry map[string]any) shape {
	if entry == nil {
		return nil
	}
	fields, _ := entry["fieldsV1"].(map[string]any)
	return shapeOfFields(fields)
}

// clientSideApply reads kubectl's annotation. While it stays the same, the request is either the
// same manifest again or another writer's (kubectl edit, patch, replace), which leaves no trace:
// converting without provenance is right for both.
func clientSideApply(updated, old map[string]any) Provenance {
	text, before := annotation(updated), annotation(old)
	if text == before {
		return Provenance{}
	}
	return Provenance{manifest: parsed(text), previous: parsed(before)}
}

func annotation(object map[string]any) string {
	metadata, _ := object["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	text, _ := annotations[lastApplied].(string)
	return text
}

// parsed is nil for a text that is no JSON object: any client may have written it.
func parsed(text string) shape {
	var manifest map[string]any
	if bounded([]byte(text)) != nil || json.Unmarshal([]byte(text), &manifest) != nil || manifest == nil {
		return nil
	}
	return shapeOf(manifest)
}
