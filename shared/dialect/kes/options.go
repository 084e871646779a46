package kes

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
)

// The lengths of options in characters, as the CRD bounds them.
const (
	maxProperty     = 1024
	maxVersionID    = 64
	maxVersionStage = 256
)

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
	b.Short(at.Child("versionId"), o.versionID, maxVersionID)
	b.Short(at.Child("versionStage"), o.versionStage, maxVersionStage)
	if b.backend == nil {
		return // another error reports the unknown backend
	}
	name := b.backend.Name
	pins := []struct {
		pin   backend.Pin
		value string
	}{
		{backend.Version, o.version}, {backend.VersionID, o.versionID}, {backend.VersionStage, o.versionStage},
	}
	for _, pin := range pins {
		if pin.value != "" && !b.backend.Knows(pin.pin) {
			b.Warn("%s has no meaning for backendType %s and is ignored: %s", at.Child(string(pin.pin)), name,
				o.instead(b.backend, pin.pin, pin.value))
		}
	}
	if name == backend.AWSSecretsManager && o.versionID != "" && o.versionStage != "" {
		b.Warn("%s is ignored, since versionId is set too and wins: remove one of them", at.Child("versionStage"))
	}
	if o.recursive && !o.path {
		b.Warn("%s has no meaning beside key and is ignored: write path to read all that is below it", at.Child("recursive"))
	}
	if o.path && o.named {
		b.Warn("%s has no meaning beside path and is ignored: each entry is named by the last segment of its parameter", at.Child("name"))
	}
	if o.secretType != "" {
		b.Warn("%s has no meaning for backendType %s and is ignored: remove it", at.Child("secretType"), name)
	}
}

// instead is how to pin a version where the field that is set does not.
func (o options) instead(of *backend.Backend, option backend.Pin, version string) string {
	switch of.Name {
	case backend.AWSSecretsManager:
		return "write versionStage for a staging label, or versionId"
	case backend.AWSParameterStore:
		switch last := o.key[strings.LastIndexByte(o.key, '/')+1:]; {
		case o.path:
			return "a path is read at its newest: read a parameter by key, as name:version, to keep to a version"
		case strings.Contains(last, ":"):
			return "key names a version already"
		case option != backend.Version:
			return "write the version or the label into key, as name:1"
		}
		return "write key: " + joined(of, o.key, version)
	case backend.Vault:
		return "only the current version can be read"
	case backend.AzureKeyVault:
		switch {
		case strings.Contains(o.key, "/"):
			return "key names a version already"
		case option == backend.VersionStage:
			return "write the version into key, as name/version"
		}
		return "write key: " + joined(of, o.key, version)
	case backend.GCPSecretManager:
		if o.noVersion {
			return "the latest version is read; entries of data may have a version"
		}
		return "write a number or an alias as version"
	case backend.AlicloudKMS:
		return "write a stage as versionStage"
	default:
		return "remove it"
	}
}

// joined is a key with its version, where they are short and plain: the API server cuts long warnings, and drops those with
// control characters.
func joined(of *backend.Backend, key, version string) string {
	if joint := of.KeyOf(key, version); len(joint) <= 80 && plan.PlainText(joint) == "" {
		return joint
	}
	return of.KeyOf("name", "version")
}

func (b *builder) version(at *field.Path, version string) {
	if b.backend != nil && b.backend.Knows(backend.Version) {
		b.Canonical(at, version, plan.Identifier)
	}
}
