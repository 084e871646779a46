package plan

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
)

// maxEntries bounds what one object may ask for, as the CRD's maxItems does.
const maxEntries = 1000

// From understands an object, or lists everything that is wrong with it, each with its path. It
// repeats what the CRD's schema demands, since an older schema may have let the object pass.
// The Plan is nil when there are errors.
func From(es *apiv1.ExternalSecret, defaults Defaults) (*Plan, field.ErrorList) {
	p, errs := Examine(es, defaults)
	if len(errs) > 0 {
		return nil, errs
	}
	return p, nil
}

// Examine is From for those who only report: beside the errors it returns what was understood, so
// that policy can be judged in the same answer. A Plan that comes with errors is never to be fetched.
// It is nil where nothing was understood.
func Examine(es *apiv1.ExternalSecret, defaults Defaults) (*Plan, field.ErrorList) {
	if es.Malformed != "" {
		return nil, field.ErrorList{field.Invalid(field.NewPath("spec"), field.OmitValueType{}, "does not fit the CRD: "+es.Malformed)}
	}
	in, errs := normalise(es)
	if in == nil {
		return nil, errs
	}
	b := &builder{in: in, plan: &Plan{
		Object:         types.NamespacedName{Namespace: es.Namespace, Name: es.Name},
		Kind:           apiv1.GroupVersion.WithKind(apiv1.Kind),
		Secret:         es.Name,
		UID:            es.UID,
		Generation:     es.Generation,
		ControllerID:   in.spec.ControllerID,
		Suspend:        in.spec.Suspend,
		ForceSync:      es.Annotations[apiv1.AnnotationForceSync],
		DeletionPolicy: in.spec.DeletionPolicy,
		AdoptExisting:  in.spec.AdoptExisting,
	}, errs: errs}
	b.scope(defaults)
	b.entries()
	b.refresh(defaults.MinRefreshInterval)
	b.deletion()
	b.template()
	b.overridden()
	b.boundWarnings()
	return b.plan, b.errs
}

// builder fills a Plan and gathers what is wrong on the way.
type builder struct {
	in   *input
	plan *Plan
	errs field.ErrorList
}

func (b *builder) fail(err *field.Error) { b.errs = append(b.errs, err) }

func (b *builder) warn(format string, args ...any) {
	b.plan.Warnings = append(b.plan.Warnings, fmt.Sprintf(format, args...))
}

func (b *builder) scope(defaults Defaults) {
	spec, at := &b.in.spec, b.in.at
	s := &b.plan.Scope
	s.Backend = spec.Backend
	switch spec.Backend {
	case apiv1.BackendAWSSecretsManager, apiv1.BackendAWSParameterStore:
		s.Identity.RoleARN = spec.RoleARN
		s.Region = or(spec.Region, defaults.Region)
		b.field("roleArn", spec.RoleARN)
		b.field("region", s.Region)
	case apiv1.BackendAlicloudKMS:
		s.Identity.RoleARN = spec.RoleARN
		b.canonical(at.Child("roleArn"), spec.RoleARN, alicloudRole)
	case apiv1.BackendVault:
		s.Identity.VaultMount = or(spec.VaultMountPoint, defaults.VaultMount)
		s.Identity.VaultRole = or(spec.VaultRole, defaults.VaultRole)
		b.field("vaultMountPoint", s.Identity.VaultMount)
		b.field("vaultRole", s.Identity.VaultRole)
		b.vaultLogin()
	case apiv1.BackendAzureKeyVault:
		s.KeyVault = spec.KeyVaultName
		if spec.KeyVaultName == "" {
			b.fail(field.Required(at.Child("keyVaultName"), "backendType azureKeyVault needs the name of the Key Vault"))
		}
		b.field("keyVaultName", spec.KeyVaultName)
	case apiv1.BackendGCPSecretManager:
		s.Project = or(spec.ProjectID, defaults.Project)
		b.field("projectId", s.Project)
	case apiv1.BackendIBM, apiv1.BackendAkeyless:
		b.fail(field.Forbidden(at.Child("backendType"), fmt.Sprintf(
			"%q is not supported by Secretgate; supported are %s", spec.Backend, supportedBackends())))
	case "":
		b.fail(field.Required(at.Child("backendType"), "one of "+supportedBackends()))
	default:
		b.fail(field.NotSupported(at.Child("backendType"), spec.Backend, backends))
	}
	if spec.KVVersion != nil && *spec.KVVersion != 1 && *spec.KVVersion != 2 {
		b.fail(field.Invalid(at.Child("kvVersion"), *spec.KVVersion, "must be 1 or 2"))
	}
	b.ignored()
}

// vaultLogin warns of half of what a login needs. Neither is fine: the syncer may have an AppRole.
func (b *builder) vaultLogin() {
	spec, id := &b.in.spec, b.plan.Scope.Identity
	switch {
	case id.VaultRole == "" && spec.VaultMountPoint != "":
		b.warn("%s has no meaning without vaultRole, for which the installation has no default (DEFAULT_VAULT_ROLE): set vaultRole, too",
			b.in.at.Child("vaultMountPoint"))
	case id.VaultRole != "" && id.VaultMount == "":
		b.warn("%s is needed beside vaultRole, and the installation has no default (DEFAULT_VAULT_MOUNT_POINT): "+
			"set the mount of Vault's Kubernetes auth method", b.in.at.Child("vaultMountPoint"))
	}
}

// ignored warns of fields that mean nothing to the chosen backend; KES ignored them silently.
func (b *builder) ignored() {
	spec, backend := &b.in.spec, b.in.spec.Backend
	aws := backend == apiv1.BackendAWSSecretsManager || backend == apiv1.BackendAWSParameterStore
	for _, f := range []struct {
		name       string
		set, means bool
	}{
		{"roleArn", spec.RoleARN != "", aws || backend == apiv1.BackendAlicloudKMS},
		{"region", spec.Region != "", aws},
		{"vaultMountPoint", spec.VaultMountPoint != "", backend == apiv1.BackendVault},
		{"vaultRole", spec.VaultRole != "", backend == apiv1.BackendVault},
		{"kvVersion", spec.KVVersion != nil, backend == apiv1.BackendVault},
		{"keyVaultName", spec.KeyVaultName != "", backend == apiv1.BackendAzureKeyVault},
		{"projectId", spec.ProjectID != "", backend == apiv1.BackendGCPSecretManager},
		{"keyByName", spec.KeyByName != nil, false},
	} {
		if f.set && !f.means {
			b.warn("%s has no meaning for backendType %s and is ignored", b.in.at.Child(f.name), backend)
		}
	}
}

func (b *builder) entries() {
	spec, at := &b.in.spec, b.in.at
	dataAt := at.Child(b.in.dataName)
	if len(spec.Data)+len(spec.DataFrom)+len(spec.DataFromWithOptions) == 0 {
		b.fail(field.Required(at.Child("data"), "at least one of data, dataFrom and dataFromWithOptions is needed"))
	}
	for _, list := range []struct {
		at *field.Path
		n  int
	}{{dataAt, len(spec.Data)}, {at.Child("dataFrom"), len(spec.DataFrom)}, {at.Child("dataFromWithOptions"), len(spec.DataFromWithOptions)}} {
		if list.n > maxEntries {
			b.fail(field.TooMany(list.at, list.n, maxEntries))
			return
		}
	}
	for i, key := range spec.DataFrom {
		p := at.Child("dataFrom").Index(i)
		b.entry(Entry{Field: p.String(), KeyField: p.String(), Kind: Members, Read: b.read(Read{Key: key})}, p)
	}
	for i, d := range spec.DataFromWithOptions {
		p := at.Child("dataFromWithOptions").Index(i)
		read := b.read(Read{Key: d.Key, VersionStage: d.VersionStage, VersionID: d.VersionID})
		b.options(p, options{key: d.Key, versionID: d.VersionID, versionStage: d.VersionStage, noVersion: true})
		b.entry(Entry{Field: p.String(), KeyField: p.Child("key").String(), Kind: Members, Read: read, Binary: d.IsBinary}, p.Child("key"))
	}
	for i := range spec.Data {
		b.dataEntry(dataAt.Index(i), &spec.Data[i])
	}
}

func (b *builder) dataEntry(at *field.Path, d *apiv1.DataEntry) {
	e := Entry{Field: at.String(), KeyField: at.Child("key").String(), Name: d.Name, Property: d.Property, Binary: d.IsBinary}
	keyAt := at.Child("key")
	read := Read{Key: d.Key, VersionStage: d.VersionStage, VersionID: d.VersionID}
	if d.Version != nil {
		read.Version = d.Version.String()
		b.version(at.Child("version"), read.Version)
	}
	b.short(at.Child("property"), d.Property, maxProperty)
	b.options(at, options{
		key: d.Key, version: read.Version, versionID: d.VersionID, versionStage: d.VersionStage, recursive: d.Recursive,
		secretType: d.SecretType, path: d.Path != "", named: d.Name != "",
	})
	switch {
	case d.Key != "" && d.Path != "":
		b.fail(field.Forbidden(at.Child("path"), "key and path exclude each other: remove one"))
		return
	case d.Path != "":
		if b.in.spec.Backend != apiv1.BackendAWSParameterStore {
			b.fail(field.Forbidden(at.Child("path"), "only backendType systemManager reads paths: use key and name"))
		}
		keyAt = at.Child("path")
		e.Kind, e.Name, e.KeyField = Tree, "", keyAt.String()
		read = Read{Key: d.Path, Path: true, Recursive: d.Recursive}
	case d.Key == "":
		b.fail(field.Required(keyAt, "the backend's name of the secret"))
		return
	default:
		b.entryName(at.Child("name"), d.Name)
	}
	e.Read = b.read(read)
	b.entry(e, keyAt)
}

func (b *builder) entryName(at *field.Path, name string) {
	if name == "" {
		b.fail(field.Required(at, "the entry of the Secret that key becomes"))
		return
	}
	for _, problem := range validation.IsConfigMapKey(name) {
		b.fail(field.Invalid(at, name, problem))
	}
}

func (b *builder) entry(e Entry, keyAt *field.Path) {
	if e.Read.Key == "" {
		b.fail(field.Required(keyAt, "the backend's name of the secret"))
		return
	}
	b.canonical(keyAt, e.Read.Key, keyRules[b.plan.Scope.Backend])
	if !e.Read.Path {
		b.arnKey(keyAt, e.Read.Key)
	}
	b.plan.Entries = append(b.plan.Entries, e)
}

func (b *builder) refresh(least time.Duration) {
	text := b.in.spec.RefreshInterval
	if text == "" {
		return
	}
	at := b.in.at.Child("refreshInterval")
	interval, err := time.ParseDuration(text)
	switch {
	case err != nil:
		b.fail(field.Invalid(at, text, "must be a duration such as 30s, 5m or 1h, or 0 for never"))
	case interval < 0:
		b.fail(field.Invalid(at, text, "must not be negative; 0 means never"))
	case interval == 0:
		b.plan.Refresh.Never = true
	case interval < least:
		b.plan.Refresh.Interval = least
		b.warn("%s: %s is below the least interval of this installation; %s is used", at, text, least)
	default:
		b.plan.Refresh.Interval = interval
	}
}

func (b *builder) deletion() {
	switch b.plan.DeletionPolicy {
	case "":
		b.plan.DeletionPolicy = apiv1.DeletionDelete
	case apiv1.DeletionDelete, apiv1.DeletionRetain:
	default:
		b.fail(field.NotSupported(b.in.at.Child("deletionPolicy"), b.plan.DeletionPolicy,
			[]apiv1.DeletionPolicy{apiv1.DeletionDelete, apiv1.DeletionRetain}))
	}
}

// backends are the supported ones, in the order in which messages list them.
var backends = []apiv1.Backend{
	apiv1.BackendAWSSecretsManager, apiv1.BackendAWSParameterStore, apiv1.BackendVault,
	apiv1.BackendAzureKeyVault, apiv1.BackendGCPSecretManager, apiv1.BackendAlicloudKMS,
}

func supportedBackends() string {
	names := make([]string, len(backends))
	for i, b := range backends {
		names[i] = string(b)
	}
	return strings.Join(names, ", ")
}

func or(value, fallback string) string {
	if value != "" {
		return value
	}
	return fallback
}
