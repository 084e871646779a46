package azurekeyvault

import (
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// Walk implements driver.Walker: it reads the secrets of a vault that are enabled, have the tags, and whose names begin with the key. A
// vault only lists all, without values.
func (d *Driver) Walk(ctx context.Context, store plan.Store, read plan.Read) ([]driver.Value, error) {
	by, err := d.by(store)
	if err != nil {
		return nil, err
	}
	v, err := by.of(store.Container)
	if err != nil {
		return nil, err
	}
	found := driver.Found{Read: read}
	for pages := v.secrets.NewListSecretPropertiesPager(nil); pages.More(); {
		if err := found.Page(); err != nil {
			return nil, err
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, postpone(err)
		}
		for _, one := range page.Value {
			if err := v.find(&found, one); err != nil {
				return nil, err
			}
		}
	}
	return found.Values(ctx, func(ctx context.Context, name string) (driver.Value, error) { return v.secret(ctx, name, "") })
}

// find takes one secret of a list.
func (v *vault) find(found *driver.Found, one *azsecrets.SecretProperties) error {
	if one == nil || one.ID == nil {
		return driver.ErrOther
	}
	of, ok := parse(string(*one.ID), v.name)
	if !ok || of.collection != "secrets" {
		return driver.ErrOther
	}
	if one.Attributes == nil || one.Attributes.Enabled == nil || !*one.Attributes.Enabled {
		return nil
	}
	tags := make(map[string]string, len(one.Tags))
	for key, value := range one.Tags {
		if value != nil {
			tags[key] = *value
		}
	}
	return found.Add(of.name, tags)
}
