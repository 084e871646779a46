package plan

import "encoding/json"

// Read names one value, or with Path a set of values, within a Store. It is comparable.
type Read struct {
	Key           string
	Path          bool // Key is a path whose children are read
	Recursive     bool // with Path: all descendants
	Version       string
	VersionID     string
	VersionStage  string
	EngineVersion int32 // of a key-value engine that comes in several
	// EngineMount is the part of Key that is the mount of the engine, with Path; empty: its first segment.
	EngineMount string `json:",omitempty"`
	// Object is what Key names where a backend keeps several kinds of things, such as certificate; empty: a secret.
	Object string `json:",omitempty"`
	// Tags are those that a value must have to be read, with Path: each as in key=value.
	Tags List `json:",omitempty"`
	// Optional: what the backend proves not to exist is read as no value. All other failures stay failures.
	Optional bool `json:",omitempty"`
}

// Source is a Read and its Store: what is fetched once, however many objects ask for it. It is comparable.
type Source struct {
	Store
	Read
}

// Sealed is a value that the object holds itself, encrypted. It is comparable. The zero value is none.
type Sealed struct {
	Ciphertext string // the bytes
	Label      string // of RSA-OAEP: for what objects it was sealed
}

// MarshalJSON writes the ciphertext as base64, since it is no text.
func (s Sealed) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Ciphertext []byte
		Label      string
	}{[]byte(s.Ciphertext), s.Label})
}

// EntryKind says what becomes of a value.
type EntryKind int

// The kinds of entries.
const (
	Single  EntryKind = iota // one entry of the Secret, called Name
	Members                  // the value is a JSON object; each member is an entry
	Tree                     // each value of a path walk is an entry, named by its last segment
)

// Entry is a Source and what it becomes in the Secret. It is comparable.
type Entry struct {
	Field    string // where the object asks for it, such as spec.data[1]
	KeyField string // where the object names the key, such as spec.data[1].key
	Kind     EntryKind
	Name     string // for Single
	Source   Source
	// Sealed is what the entry is made of in place of a Source, which is zero then.
	Sealed Sealed `json:",omitzero"`
	// Portion is what the entry is made of. All portions of an answer come by one Read.
	Portion  Portion `json:",omitempty"`
	Use      Use     `json:",omitempty"`
	Property string  // look this up in the JSON value; empty: the whole value. Of Members, it is the object
	Syntax   Syntax  `json:",omitempty"` // of Property
	Binary   bool    // the value is base64 text
	// Decoding is done to each value that the entry makes.
	Decoding Decoding `json:",omitempty"`
	NoNUL    bool     `json:",omitempty"` // a value with a byte of zero is an error
	// Matching and Excluding are patterns (of package regexp). Members and a Tree take the names that no pattern of Excluding is found in, and
	// one of Matching is, or all of them where Matching is empty. The names are the backend's, before Naming.
	Matching, Excluding List `json:",omitempty"`
	// Naming makes the entries' names of those of Members, or of a Tree. Nil: members have theirs, and values of a walk their last segment.
	Naming *Naming `json:",omitempty"`
}

// IsSealed reports whether the entry is opened rather than read: no backend knows of it.
func (e *Entry) IsSealed() bool { return e.Sealed != Sealed{} }

// Portion is a part of what a backend answers.
type Portion string

// The portions.
const (
	WholeValue Portion = "" // the value
	// Metadata is what the backend says of the value: a JSON object, which is {} where it says nothing.
	Metadata Portion = "metadata"
	// Answer is {"data": value, "metadata": metadata}, each as the backend wrote it; the value alone where the backend says nothing of it.
	Answer Portion = "answer"
)

// Portions lists all of them.
func Portions() []Portion { return []Portion{WholeValue, Metadata, Answer} }

// Use is what an entry is for.
type Use string

// The uses.
const (
	Everywhere  Use = ""          // it is part of the Secret, and templates see it
	InSecret    Use = "secret"    // templates do not see it
	InTemplates Use = "templates" // it is no part of the Secret
)

// Uses lists all of them.
func Uses() []Use { return []Use{Everywhere, InSecret, InTemplates} }

// For reports whether an entry of this use is for another one as well: InSecret or InTemplates.
func (u Use) For(other Use) bool { return u == Everywhere || u == other }

// Syntax is a language of properties.
type Syntax string

// The syntaxes.
const (
	Lodash Syntax = "" // a path of lodash's get
	// GJSON is a path of github.com/tidwall/gjson that the rule GJSONPath accepts. An own member of exactly that name comes first. What is
	// found is written as it is in the value, spaces and digits included; null is an empty text. So are the members of an entry with a Naming.
	GJSON Syntax = "gjson"
	// GJSONPathFirst is GJSON, but the path comes first.
	GJSONPathFirst Syntax = "gjson, path first"
)

// Decoding is how a value is decoded.
type Decoding string

// The decodings.
const (
	NoDecoding Decoding = ""
	Base64     Decoding = "Base64"
	Base64URL  Decoding = "Base64URL"
	AutoDecode Decoding = "Auto" // base64, else base64 for URLs, else the text as it is
)

// Naming makes names of entries: by the rewrites, one after the other, or where there are none by the conversion.
type Naming struct {
	Rewrites   []Rewrite
	Conversion Conversion
	Field      string // where the rewrites stand, such as spec.dataFrom[0].rewrite
}

// Conversion is what becomes of the characters that no entry's name has.
type Conversion string

// The conversions.
const (
	Underscore Conversion = "Default" // each is _
	Unicode    Conversion = "Unicode" // each is as in _U002f_
)

// Rewrite is one of its fields.
type Rewrite struct {
	Regexp *RewriteRegexp
	Merge  *RewriteMerge
}

// RewriteRegexp replaces what a pattern (of package regexp) finds in names.
type RewriteRegexp struct{ Source, Target string }

// RewriteMerge takes each value for a JSON object, and makes entries of the members of all.
type RewriteMerge struct {
	Into           string   // the name of one entry that is the object of all members; empty: each member is an entry
	Priority       []string // names whose members win, the last one over all
	IgnoreMissing  bool     // a name of Priority need not be there
	IgnoreConflict bool     // members of one name need not be an error: the later one wins
}
