package plan

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Record is what a sync remembers of an object. Each dialect keeps it in the status that its users know. It never holds a value,
// nor a digest of one.
type Record struct {
	Generation int64  // of the spec that it describes
	ForceSync  string // the value of the annotation that was last acted upon

	Secret                string // the name of the Secret that the object owns
	SecretResourceVersion string // of the Secret as last written
	SecretUID             string // of the same; one that was deleted and made again has another
	DataRevision          int64  // how often the Secret's data were written and differed, a first time included; 0: not known

	LastSync    time.Time // when the syncer last tried; zero: never
	LastSuccess time.Time // when the Secret was last known to be as the backend has it; zero: never

	Ready   metav1.ConditionStatus // empty: nothing was ever said
	Reason  Reason
	Message string
	Since   time.Time // when Ready last changed

	Entries []EntryRecord // the first 100
}

// EntryRecord is what came of one entry.
type EntryRecord struct {
	Field   string // where the object asks for it, such as spec.data[0]
	Name    string // the entry of the Secret; empty where one read makes many
	Version string // the backend's own id of the version that was read
	Error   Reason // why the read failed
}
