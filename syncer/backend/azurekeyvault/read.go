package azurekeyvault

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// pem is the content type of a certificate that Key Vault hands out as text. Others are base64, as isBinary takes it.
const pem = "application/x-pem-file"

var errKey = &driver.Error{
	Kind: driver.Invalid, Problem: "the key does not name one object of a vault, in one version at most",
	Hint: "name a secret, a certificate as cert/name, or a key as key/name",
}

// Get reads the newest version of a secret or, with a key of name/version, that one; of a certificate its DER, of a key the public part as
// a JSON Web Key. A secret that is a certificate in PEM counts as bytes, since isBinary, which certificates are documented to need, would
// find no base64 in it.
func (d *Driver) Get(ctx context.Context, store plan.Store, read plan.Read) (driver.Value, error) {
	by, err := d.by(store)
	if err != nil {
		return driver.Value{}, err
	}
	v, err := by.of(store.Container)
	if err != nil {
		return driver.Value{}, err
	}
	first, rest, nested := strings.Cut(read.Key, "/")
	switch {
	case read.Object == "" && first != "" && (rest == "" || read.Version == "" || rest == read.Version):
		return v.secret(ctx, first, cmp.Or(rest, read.Version))
	case read.Object != first || !nested || !plan.IsHostLabel(rest):
		return driver.Value{}, errKey
	case read.Object == backend.AzureCertificateObject:
		return v.certificate(ctx, rest, read.Version)
	case read.Object == backend.AzureKeyObject:
		return v.key(ctx, rest, read.Version)
	}
	return driver.Value{}, errKey
}

func (v *vault) secret(ctx context.Context, name, version string) (driver.Value, error) {
	secret, err := v.secrets.GetSecret(ctx, name, version, nil)
	if err != nil {
		return driver.Value{}, postpone(err)
	}
	if secret.Value == nil {
		return driver.Value{}, driver.ErrNoValue
	}
	value := driver.Value{Data: []byte(*secret.Value)}
	value.Bytes = secret.ContentType != nil && *secret.ContentType == pem
	if secret.ID == nil {
		return value, nil
	}
	return v.answered(value, string(*secret.ID), object{"secrets", name, version})
}

func (v *vault) certificate(ctx context.Context, name, version string) (driver.Value, error) {
	certificate, err := v.certificates.GetCertificate(ctx, name, version, nil)
	switch {
	case err != nil:
		return driver.Value{}, postpone(err)
	case len(certificate.CER) == 0, certificate.ID == nil:
		return driver.Value{}, driver.ErrNoValue
	}
	return v.answered(driver.Value{Data: certificate.CER, Bytes: true}, string(*certificate.ID), object{"certificates", name, version})
}

func (v *vault) key(ctx context.Context, name, version string) (driver.Value, error) {
	answer, err := v.keys.GetKey(ctx, name, version, nil)
	switch {
	case err != nil:
		return driver.Value{}, postpone(err)
	case answer.Key == nil, answer.Key.KID == nil:
		return driver.Value{}, driver.ErrNoValue
	}
	// The public members alone, though a vault gives away no others.
	public := azkeys.JSONWebKey{
		KID: answer.Key.KID, Kty: answer.Key.Kty, KeyOps: answer.Key.KeyOps, Crv: answer.Key.Crv,
		E: answer.Key.E, N: answer.Key.N, X: answer.Key.X, Y: answer.Key.Y,
	}
	text, err := json.Marshal(public)
	if err != nil {
		return driver.Value{}, err
	}
	return v.answered(driver.Value{Data: text}, string(*answer.Key.KID), object{"keys", name, version})
}

// object is what a vault is asked for: https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates.
type object struct{ collection, name, version string }

// answered is a value with its version, if the answer's id is of what was asked for.
func (v *vault) answered(value driver.Value, id string, asked object) (driver.Value, error) {
	of, ok := parse(id, v.name)
	if !ok || !of.is(asked) {
		return driver.Value{}, driver.ErrOther
	}
	value.Version = of.version
	return value, nil
}

// is reports whether an object is the one that was asked for. Key Vault keeps capitals and does not tell them from small letters.
func (o object) is(asked object) bool {
	return o.collection == asked.collection && strings.EqualFold(o.name, asked.name) &&
		(asked.version == "" || strings.EqualFold(o.version, asked.version))
}

// parse understands the id of a vault's object: https://vault.suffix/secrets/name/version.
func parse(id, vault string) (object, bool) {
	at, err := url.Parse(id)
	if err != nil {
		return object{}, false
	}
	host, _, _ := strings.Cut(at.Hostname(), ".")
	parts := strings.Split(strings.Trim(at.Path, "/"), "/")
	if !strings.EqualFold(host, vault) || len(parts) < 2 || len(parts) > 3 {
		return object{}, false
	}
	of := object{collection: parts[0], name: parts[1]}
	if len(parts) == 3 {
		of.version = parts[2]
	}
	return of, true
}
