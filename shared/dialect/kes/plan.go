package kes

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/backend"
	apiv1 "github.com/secretgate/secretgate/shared/dialect/kes/v1"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
)

// parse is Plan for an ExternalSecret.
func (i *Installation) parse(es *apiv1.ExternalSecret) (*plan.Plan, field.ErrorList) {
	if es.Malformed != "" {
		return nil, field.ErrorList{field.Invalid(field.NewPath("spec"), field.OmitValueType{}, "does not fit the CRD: "+es.Malformed)}
	}
	in, errs := normalise(es)
	if in == nil {
		return nil, errs
	}
	b := &builder{Builder: plan.Build(es, apiv1.GroupVersion.WithKind(apiv1.Kind), &words), in: in}
	b.Errs = errs
	b.Plan.Suspend = in.spec.Suspend
	b.Plan.Target.DeletionPolicy, b.Plan.Target.AdoptExisting = plan.DeletionPolicy(in.spec.DeletionPolicy), in.spec.AdoptExisting
	b.Plan.Choices = []plan.Choice{{
		At: "spec.controllerId", Value: in.spec.ControllerID, Annotation: names.AnnotationPermittedControllerID,
	}}
	b.where(&i.Defaults)
	b.entries()
	b.Interval(b.in.at.Child("refreshInterval"), in.spec.RefreshInterval, i.MinRefreshInterval)
	b.deletion()
	b.template()
	b.Overridden(b.in.at.Child("template"))
	p, errs := b.Done()
	p.Warnings = append(p.Warnings, i.unserved(in.spec.ControllerID)...) // however many others there are
	return p, errs
}

// builder makes the Plan of one ExternalSecret.
type builder struct {
	*plan.Builder
	in      *input
	backend *backend.Backend // nil: none that is served
	store   plan.Store
}

// storeField is a field of the spec that says what an aspect of the Store is.
type storeField struct {
	name   string
	aspect plan.Aspect
	value  string
}

// storeFields are those that mean something to a backend, in the order in which messages list them.
func storeFields(name plan.Backend, spec *apiv1.ExternalSecretSpec) []storeField {
	switch name {
	case backend.AWSSecretsManager, backend.AWSParameterStore:
		return []storeField{{"roleArn", plan.Role, spec.RoleARN}, {"region", plan.Location, spec.Region}}
	case backend.AlicloudKMS:
		return []storeField{{"roleArn", plan.Role, spec.RoleARN}}
	case backend.Vault:
		return []storeField{{"vaultMountPoint", plan.Mount, spec.VaultMountPoint}, {"vaultRole", plan.Role, spec.VaultRole}}
	case backend.AzureKeyVault:
		return []storeField{{"keyVaultName", plan.Container, spec.KeyVaultName}}
	case backend.GCPSecretManager:
		return []storeField{{"projectId", plan.Container, spec.ProjectID}}
	default:
		return nil
	}
}

// where determines the Store that all entries share.
func (b *builder) where(defaults *backend.Defaults) {
	spec, at := &b.in.spec, b.in.at
	name := plan.Backend(spec.Backend)
	known := false
	switch b.backend, known = backend.Of(name); {
	case known:
	case spec.Backend == apiv1.BackendIBM || spec.Backend == apiv1.BackendAkeyless:
		b.Fail(field.Forbidden(at.Child("backendType"), fmt.Sprintf(
			"%q is not supported by Secretgate; supported are %s", spec.Backend, backend.Names())))
	case spec.Backend == "":
		b.Fail(field.Required(at.Child("backendType"), "one of "+backend.Names()))
	default:
		b.Fail(field.NotSupported(at.Child("backendType"), spec.Backend, apiv1.Backends()))
	}
	b.store = defaults.Of(name)
	places := plan.Places{}
	fields := storeFields(name, spec)
	for _, f := range fields {
		if f.value != "" {
			b.store.Set(f.aspect, f.value)
		}
		// Policy has always spoken of spec, also where the deprecated name of it is used.
		places[f.aspect] = plan.Place{Field: "spec." + f.name, Default: f.value == ""}
		b.Canonical(at.Child(f.name), b.store.Get(f.aspect), b.backend.Store[f.aspect])
	}
	b.Plan.Places[b.store] = places
	switch name {
	case backend.Vault:
		b.vaultLogin()
	case backend.AzureKeyVault:
		if spec.KeyVaultName == "" {
			b.Fail(field.Required(at.Child("keyVaultName"), "backendType azureKeyVault needs the name of the Key Vault"))
		}
	}
	if spec.KVVersion != nil && *spec.KVVersion != 1 && *spec.KVVersion != 2 {
		b.Fail(field.Invalid(at.Child("kvVersion"), *spec.KVVersion, "must be 1 or 2"))
	}
	b.ignored(fields)
}

// vaultLogin warns of half of what a login needs. Neither is fine: the syncer may have an AppRole.
func (b *builder) vaultLogin() {
	spec := &b.in.spec
	switch {
	case b.store.Role == "" && spec.VaultMountPoint != "":
		b.Warn("%s has no meaning without vaultRole, for which the installation has no default (DEFAULT_VAULT_ROLE): set vaultRole, too",
			b.in.at.Child("vaultMountPoint"))
	case b.store.Role != "" && b.store.Mount == "":
		b.Warn("%s is needed beside vaultRole, and the installation has no default (DEFAULT_VAULT_MOUNT_POINT): "+
			"set the mount of Vault's Kubernetes auth method", b.in.at.Child("vaultMountPoint"))
	}
}

// ignored warns of fields that mean nothing to the chosen backend, to which those of its Store do; KES ignored them silently.
func (b *builder) ignored(fields []storeField) {
	spec, name := &b.in.spec, plan.Backend(b.in.spec.Backend)
	means := func(one string) bool {
		return slices.ContainsFunc(fields, func(f storeField) bool { return f.name == one })
	}
	for _, f := range []struct {
		name       string
		set, means bool
	}{
		{"roleArn", spec.RoleARN != "", means("roleArn")},
		{"region", spec.Region != "", means("region")},
		{"vaultMountPoint", spec.VaultMountPoint != "", means("vaultMountPoint")},
		{"vaultRole", spec.VaultRole != "", means("vaultRole")},
		{"kvVersion", spec.KVVersion != nil, name == backend.Vault},
		{"keyVaultName", spec.KeyVaultName != "", means("keyVaultName")},
		{"projectId", spec.ProjectID != "", means("projectId")},
		{"keyByName", spec.KeyByName != nil, false},
	} {
		if f.set && !f.means {
			b.Warn("%s has no meaning for backendType %s and is ignored", b.in.at.Child(f.name), name)
		}
	}
}

func (b *builder) entries() {
	spec, at := &b.in.spec, b.in.at
	dataAt := at.Child(b.in.dataName)
	if len(spec.Data)+len(spec.DataFrom)+len(spec.DataFromWithOptions) == 0 {
		b.Fail(field.Required(at.Child("data"), "at least one of data, dataFrom and dataFromWithOptions is needed"))
	}
	for _, list := range []struct {
		at *field.Path
		n  int
	}{{dataAt, len(spec.Data)}, {at.Child("dataFrom"), len(spec.DataFrom)}, {at.Child("dataFromWithOptions"), len(spec.DataFromWithOptions)}} {
		if list.n > plan.MaxEntries {
			b.Fail(field.TooMany(list.at, list.n, plan.MaxEntries))
			return
		}
	}
	b.Plan.Entries = make([]plan.Entry, 0, len(spec.Data)+len(spec.DataFrom)+len(spec.DataFromWithOptions))
	for i, key := range spec.DataFrom {
		p := at.Child("dataFrom").Index(i)
		b.entry(plan.Entry{Field: p.String(), KeyField: p.String(), Kind: plan.Members, Source: b.source(plan.Read{Key: key})}, p)
	}
	for i, d := range spec.DataFromWithOptions {
		p := at.Child("dataFromWithOptions").Index(i)
		source := b.source(plan.Read{Key: d.Key, VersionStage: d.VersionStage, VersionID: d.VersionID})
		b.options(p, options{key: d.Key, versionID: d.VersionID, versionStage: d.VersionStage, noVersion: true})
		e := plan.Entry{Field: p.String(), KeyField: p.Child("key").String(), Kind: plan.Members, Source: source, Binary: d.IsBinary}
		b.entry(e, p.Child("key"))
	}
	for i := range spec.Data {
		b.dataEntry(dataAt.Index(i), &spec.Data[i])
	}
}

func (b *builder) dataEntry(at *field.Path, d *apiv1.DataEntry) {
	e := plan.Entry{Field: at.String(), KeyField: at.Child("key").String(), Name: d.Name, Property: d.Property, Binary: d.IsBinary}
	keyAt := at.Child("key")
	read := plan.Read{Key: d.Key, VersionStage: d.VersionStage, VersionID: d.VersionID}
	if d.Version != nil {
		read.Version = d.Version.String()
		b.version(at.Child("version"), read.Version)
	}
	b.Short(at.Child("property"), d.Property, maxProperty)
	b.options(at, options{
		key: d.Key, version: read.Version, versionID: d.VersionID, versionStage: d.VersionStage, recursive: d.Recursive,
		secretType: d.SecretType, path: d.Path != "", named: d.Name != "",
	})
	switch {
	case d.Key != "" && d.Path != "":
		b.Fail(field.Forbidden(at.Child("path"), "key and path exclude each other: remove one"))
		return
	case d.Path != "":
		if b.backend == nil || !b.backend.Walks {
			b.Fail(field.Forbidden(at.Child("path"), "only backendType systemManager reads paths: use key and name"))
		}
		keyAt = at.Child("path")
		e.Kind, e.Name, e.KeyField = plan.Tree, "", keyAt.String()
		read = plan.Read{Key: d.Path, Path: true, Recursive: d.Recursive}
	case d.Key == "":
		b.Fail(field.Required(keyAt, "the backend's name of the secret"))
		return
	default:
		b.entryName(at.Child("name"), d.Name)
	}
	e.Source = b.source(read)
	b.entry(e, keyAt)
}

func (b *builder) entryName(at *field.Path, name string) {
	if name == "" {
		b.Fail(field.Required(at, "the entry of the Secret that key becomes"))
		return
	}
	b.EntryName(at, name)
}

// source is a read of the object's Store.
func (b *builder) source(r plan.Read) plan.Source {
	if b.in.spec.KVVersion != nil && b.store.Backend == backend.Vault {
		r.EngineVersion = *b.in.spec.KVVersion
	}
	if b.backend != nil {
		r = b.backend.Read(b.backend.Pinned(r))
	}
	return plan.Source{Store: b.store, Read: r}
}

func (b *builder) entry(e plan.Entry, keyAt *field.Path) {
	if b.backend != nil {
		b.backend.Add(b.Builder, e, keyAt)
		return
	}
	b.Plan.Entries = append(b.Plan.Entries, e) // of a backend that is not served, of which more is said than that
}

func (b *builder) deletion() {
	switch policy := b.Plan.Target.DeletionPolicy; policy {
	case "":
		b.Plan.Target.DeletionPolicy = plan.DeletionDelete
	case plan.DeletionDelete, plan.DeletionRetain:
	default:
		b.Fail(field.NotSupported(b.in.at.Child("deletionPolicy"), policy,
			[]plan.DeletionPolicy{plan.DeletionDelete, plan.DeletionRetain}))
	}
}
