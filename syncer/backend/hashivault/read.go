package hashivault

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/hashicorp/vault/api"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault/wire"
	"github.com/secretgate/secretgate/syncer/backend/transport"
)

// Get reads exactly the key, as a logical path. The value is the secret's data as compact JSON, with numbers and the order
// of keys as Vault sent them. Of the version: a secret that was deleted with its metadata starts anew at 1.
func (d *Driver) Get(ctx context.Context, store plan.Store, read plan.Read) (driver.Value, error) {
	query, err := versionOf(read)
	if err != nil {
		return driver.Value{}, err
	}
	server, logins, err := d.at(store)
	if err != nil {
		return driver.Value{}, err
	}
	var body []byte
	err = logins.Do(ctx, server, store, func(client *api.Client, token string) (err error) {
		body, err = fetch(ctx, client, token, read.Key, query)
		return err
	})
	if err != nil {
		return driver.Value{}, err
	}
	return parse(body, read)
}

// versionOf asks for the version of a read, if it has one. Vault takes 0, and each number that it cannot read, for the current one.
func versionOf(read plan.Read) (url.Values, error) {
	if read.Version == "" {
		return nil, nil
	}
	if read.EngineVersion == 1 {
		return nil, errNoVersions
	}
	if number, err := strconv.ParseUint(read.Version, 10, 31); err != nil || number == 0 || strconv.FormatUint(number, 10) != read.Version {
		return nil, errVersion
	}
	return url.Values{"version": {read.Version}}, nil
}

// fetch returns the body of a successful answer, which does not hold the token: plan refuses Vault's own paths (auth/token/lookup-self
// answers the syncer's token), but one that begins with a namespace of Vault Enterprise looks like any other.
func fetch(ctx context.Context, client *api.Client, token, path string, query url.Values) ([]byte, error) {
	answer, err := wire.As(client, token).Logical().ReadRawWithDataWithContext(ctx, path, query)
	if answer != nil {
		defer func() { _ = answer.Body.Close() }()
	}
	switch {
	case err != nil && answer == nil:
		return nil, err
	case err != nil && answer.StatusCode == http.StatusNotFound:
		body, _ := io.ReadAll(answer.Body)
		return nil, notFound(body, query.Get("version"))
	case err != nil:
		return nil, transport.Postpone(err, answer.Header)
	}
	body, err := io.ReadAll(answer.Body)
	switch {
	case errors.Is(err, transport.ErrTooLong):
		return nil, errTooLarge
	case err != nil:
		return nil, err
	case holds(body, token):
		return nil, errReserved
	}
	return body, nil
}

// unlikely is how long a token must be to be in no value by chance. Those that Vault makes are longer.
const unlikely = 16

// holds reports whether an answer has a token in it. A short one, which an admin has chosen, must be a text of the answer as a whole.
func holds(body []byte, token string) bool {
	if len(token) < unlikely {
		return bytes.Contains(body, []byte(strconv.Quote(token)))
	}
	return bytes.Contains(body, []byte(token))
}
