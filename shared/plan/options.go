package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/validation/field"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
)

// maxWarnings bounds how many warnings an object earns: the API server cuts what is longer than 4 KiB together, and says
// nothing of the rest.
const maxWarnings = 20

// The lengths of options in characters, as the CRD bounds them.
const (
	maxProperty     = 1024
	maxVersionID    = 64
	maxVersionStage = 256
)

// short refuses an option that is longer than the CRD lets it be: an older CRD, such as KES's, may have let it pass.
func (b *builder) short(at *field.Path, value string, limit int) {
	if utf8.RuneCountInString(value) > limit {
		b.fail(field.TooLongCharacters(at, value, limit))
	}
}

// boundWarnings keeps the first warnings, and counts the others.
func (b *builder) boundWarnings() {
	if more := len(b.plan.Warnings) - maxWarnings; more > 0 {
		b.plan.Warnings = append(b.plan.Warnings[:maxWarnings:maxWarnings], fmt.Sprintf("and %d more warnings", more))
	}
}

// options are what an entry says of a read beyond its key.
type options struct {
	key                              string
	version, versionID, versionStage string
	recursive                        bool
	secretType                       string
	path, named                      bool // key is a path; the entry has a name
	noVersion                        bool // the entry has no field version
}

// options refuses what is too long, and warns of every option of an entry that means nothing to the backend. KES took the
// newest value without a word, so that a pinned version was none.
func (b *builder) options(at *field.Path, o options) {
	backend := b.plan.Scope.Backend
	b.short(at.Child("versionId"), o.versionID, maxVersionID)
	b.short(at.Child("versionStage"), o.versionStage, maxVersionStage)
	if !slices.Contains(backends, backend) {
		return // of which more is said than that
	}
	pins := []struct{ name, value string }{
		{"version", o.version}, {"versionId", o.versionID}, {"versionStage", o.versionStage},
	}
	for _, pin := range pins {
		if pin.value != "" && !means(backend, pin.name) {
			b.warn("%s has no meaning for backendType %s and is ignored: %s", at.Child(pin.name), backend, o.instead(backend, pin.name, pin.value))
		}
	}
	if backend == apiv1.BackendAWSSecretsManager && o.versionID != "" && o.versionStage != "" {
		b.warn("%s is ignored, since versionId is set too and wins: remove one of them", at.Child("versionStage"))
	}
	if o.recursive && !o.path {
		b.warn("%s has no meaning beside key and is ignored: write path to read all that is below it", at.Child("recursive"))
	}
	if o.path && o.named {
		b.warn("%s has no meaning beside path and is ignored: each entry is named by the last segment of its parameter", at.Child("name"))
	}
	if o.secretType != "" {
		b.warn("%s has no meaning for backendType %s and is ignored: remove it", at.Child("secretType"), backend)
	}
}

// overridden warns of what never reaches the Secret: of two entries of data with one name the last wins, and what is read wins
// over the template, though KES let stringData win.
func (b *builder) overridden() {
	winners := make(map[string]string, len(b.plan.Entries))
	for _, e := range b.plan.Entries {
		if e.Kind == Single {
			winners[e.Name] = e.Field
		}
	}
	for _, e := range b.plan.Entries {
		if winner := winners[e.Name]; e.Kind == Single && winner != e.Field {
			b.warn("%s.name is %s's, too, which wins: remove one of them", e.Field, winner)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.plan.Template.Data)) {
		if winner, both := winners[name]; both {
			b.warn("%s sets the entry %s, which %s overrides: remove one of them", b.in.at.Child("template"), name, winner)
		}
	}
}

// means reports whether a backend knows an option that pins a version.
func means(backend apiv1.Backend, option string) bool {
	switch backend {
	case apiv1.BackendAWSSecretsManager:
		return option != "version"
	case apiv1.BackendAlicloudKMS:
		return option == "versionStage"
	case apiv1.BackendGCPSecretManager:
		return option == "version"
	default:
		return false
	}
}

// instead is how to pin a version where the field that is set does not.
func (o options) instead(backend apiv1.Backend, option, version string) string {
	switch backend {
	case apiv1.BackendAWSSecretsManager:
		return "write versionStage for a staging label, or versionId"
	case apiv1.BackendAWSParameterStore:
		switch last := o.key[strings.LastIndexByte(o.key, '/')+1:]; {
		case o.path:
			return "a path is read at its newest: read a parameter by key, as name:version, to keep to a version"
		case strings.Contains(last, ":"):
			return "key names a version already"
		case option != "version":
			return "write the version or the label into key, as name:1"
		}
		return "write key: " + joined(o.key, ":", version)
	case apiv1.BackendVault:
		return "only the current version can be read"
	case apiv1.BackendAzureKeyVault:
		switch {
		case strings.Contains(o.key, "/"):
			return "key names a version already"
		case option == "versionStage":
			return "write the version into key, as name/version"
		}
		return "write key: " + joined(o.key, "/", version)
	case apiv1.BackendGCPSecretManager:
		if o.noVersion {
			return "the latest version is read; entries of data may have a version"
		}
		return "write a number or an alias as version"
	case apiv1.BackendAlicloudKMS:
		return "write a stage as versionStage"
	default:
		return "remove it"
	}
}

// joined is a key with its version, where they are short and plain: the API server cuts long warnings, and drops those with
// control characters.
func joined(key, separator, version string) string {
	if text := key + separator + version; len(text) <= 80 && plainText(text) == "" {
		return text
	}
	return "name" + separator + "version"
}

// read drops the options that mean nothing to the backend, so that reads which differ in
// nothing else are one, and fills in what each backend takes for granted.
func (b *builder) read(r Read) Read {
	switch b.plan.Scope.Backend {
	case apiv1.BackendAWSSecretsManager:
		r.Version = ""
		if r.VersionID != "" {
			r.VersionStage = "" // the id wins, as in KES
		} else {
			r.VersionStage = or(r.VersionStage, "AWSCURRENT")
		}
	case apiv1.BackendAlicloudKMS:
		r.Version, r.VersionID = "", ""
		r.VersionStage = or(r.VersionStage, "ACSCurrent")
	case apiv1.BackendGCPSecretManager:
		r.VersionID, r.VersionStage = "", ""
		r.Version = or(r.Version, "latest")
	case apiv1.BackendVault:
		r.Version, r.VersionID, r.VersionStage = "", "", ""
		r.KVVersion = 2
		if b.in.spec.KVVersion != nil {
			r.KVVersion = *b.in.spec.KVVersion
		}
	default:
		r.Version, r.VersionID, r.VersionStage = "", "", ""
	}
	return r
}

func (b *builder) version(at *field.Path, version string) {
	if b.in.spec.Backend == apiv1.BackendGCPSecretManager {
		b.canonical(at, version, identifier)
	}
}
