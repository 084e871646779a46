package v1

// DataFrom makes entries of one value, or of all values that are found. It has extract or find.
type DataFrom struct {
	// The members of one value, which is a JSON object.
	// +optional
	Extract *RemoteRef `json:"extract,omitempty"`

	// All values with some name or tags.
	// +optional
	Find *Find `json:"find,omitempty"`

	// How the names are changed, one after the other.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Rewrite []Rewrite `json:"rewrite,omitempty"`

	// Another store than that of the spec.
	// +optional
	SourceRef *SourceRef `json:"sourceRef,omitempty"`
}

// Find is what values are found by.
type Find struct {
	// Where they are.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Path *string `json:"path,omitempty"`

	// +optional
	Name *FindName `json:"name,omitempty"`

	// The tags that they have.
	// +optional
	// +kubebuilder:validation:MaxProperties=50
	Tags map[string]string `json:"tags,omitempty"`

	Strategies `json:",inline"`
}

// FindName is what names are like.
type FindName struct {
	// A pattern, in RE2's syntax, that is found in the names.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	RegExp string `json:"regexp,omitempty"`
}

// Rewrite changes names. It has exactly one member.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:MaxProperties=1
type Rewrite struct {
	// +optional
	Regexp *RewriteRegexp `json:"regexp,omitempty"`
	// +optional
	Merge *RewriteMerge `json:"merge,omitempty"`
	// A template of the name. Not served.
	// +optional
	Transform *Unserved `json:"transform,omitempty"`
}

// RewriteRegexp replaces what a pattern finds.
type RewriteRegexp struct {
	// The pattern, in RE2's syntax.
	// +kubebuilder:validation:MaxLength=2048
	Source string `json:"source"`
	// The text in its place, in which $1 is what the first group matched.
	// +kubebuilder:validation:MaxLength=2048
	Target string `json:"target"`
}

// RewriteMerge takes each value for a JSON object, and makes entries of the members of all.
type RewriteMerge struct {
	// The name of the entry that strategy JSON makes.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Into string `json:"into,omitempty"`

	// Names whose members win, the last one over all.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Priority []string `json:"priority,omitempty"`

	// Whether the names of priority must all be there: Strict (if unset) or IgnoreNotFound.
	// +optional
	// +kubebuilder:validation:Enum="";Strict;IgnoreNotFound
	PriorityPolicy string `json:"priorityPolicy,omitempty"`

	// Whether two members of one name are an error: Error (if unset) or Ignore, where the later one wins.
	// +optional
	// +kubebuilder:validation:Enum="";Error;Ignore
	ConflictPolicy string `json:"conflictPolicy,omitempty"`

	// Extract (if unset): each member is an entry. JSON: one entry, called into, has all.
	// +optional
	// +kubebuilder:validation:Enum="";Extract;JSON
	Strategy string `json:"strategy,omitempty"`
}

// Unserved is a part of the API that Secretgate denies.
//
// +kubebuilder:pruning:PreserveUnknownFields
type Unserved struct{}
