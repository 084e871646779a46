package hashivault

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/hashicorp/vault/api"
	"golang.org/x/sync/errgroup"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault/wire"
)

// Bounds of a walk. A Secret holds far less than maxWalk.
const (
	maxNames = 1000 // of secrets and folders
	maxDepth = 32   // of folders in folders
	maxWalk  = 16 << 20
	perValue = 100 // bytes that a value counts beside its own and those of its name
	atOnce   = 16  // requests
)

// Walk implements driver.Walker: it lists the names below a folder, and reads them one by one, as Vault has no call for both. Secrets that
// are deleted are left out, and so are those that come or go meanwhile.
func (d *Driver) Walk(ctx context.Context, store plan.Store, read plan.Read) ([]driver.Value, error) {
	w, err := newWalk(read)
	if err != nil {
		return nil, err
	}
	server, logins, err := d.at(store)
	if err != nil {
		return nil, err
	}
	var found []driver.Value
	err = logins.Do(ctx, server, store, func(client *api.Client, token string) (err error) {
		found, err = w.all(ctx, func(ctx context.Context, path string, query url.Values) ([]byte, error) {
			return fetch(ctx, client, token, path, query)
		})
		return err
	})
	if missing(err) || err == nil && len(found) == 0 {
		return nil, nothingBelow(read)
	}
	return found, err
}

// walk is one through a KV engine. Its paths are below the mount, in the engine's own terms.
type walk struct {
	plan.Read

	folder string // without slashes at its ends; empty: the whole mount
	data   string // before the paths of secrets
	lists  string // before the paths of folders
}

// newWalk finds the mount in the path of a walk.
func newWalk(read plan.Read) (walk, error) {
	first, _, _ := strings.Cut(read.Key, "/")
	w := walk{Read: read, data: cmp.Or(read.EngineMount, first)}
	w.lists = w.data
	if read.EngineVersion != 1 {
		w.data, w.lists = w.data+"/data", w.lists+"/metadata"
	} else if read.Tags != "" {
		return w, errNoTags
	}
	if read.Key == w.data {
		return w, nil
	}
	var below bool
	if w.folder, below = strings.CutPrefix(read.Key, w.data+"/"); !below || w.folder == "" {
		return w, errFolder
	}
	return w, nil
}

// ask makes one request for a path, as someone who has logged in.
type ask func(ctx context.Context, path string, query url.Values) ([]byte, error)

// all lists what is in the folder, and then reads it.
func (w *walk) all(ctx context.Context, do ask) ([]driver.Value, error) {
	names, err := w.names(ctx, do)
	if err != nil {
		return nil, err
	}
	found := make([]*driver.Value, len(names))
	var size atomic.Int64
	reading, ctx := errgroup.WithContext(ctx)
	reading.SetLimit(atOnce)
	for i, name := range names {
		reading.Go(func() error {
			value, err := w.value(ctx, do, name)
			switch {
			case missing(err):
				return nil
			case err != nil:
				return &ofName{name, err}
			case value == nil:
				return nil
			case size.Add(int64(len(value.Name)+value.Size()+perValue)) > maxWalk:
				return errTooMuch
			}
			found[i] = value
			return nil
		})
	}
	if err := reading.Wait(); err != nil {
		return nil, err
	}
	var values []driver.Value
	for _, value := range found {
		if value != nil {
			values = append(values, *value)
		}
	}
	return values, nil
}

// value reads one secret; nil: it has not the tags.
func (w *walk) value(ctx context.Context, do ask, name string) (*driver.Value, error) {
	if w.Tags != "" {
		body, err := do(ctx, w.lists+"/"+name, nil)
		if err != nil {
			return nil, err
		}
		if has, err := tagged(body, w.Tags.Texts()); !has || err != nil {
			return nil, err
		}
	}
	body, err := do(ctx, w.data+"/"+name, nil)
	if err != nil {
		return nil, err
	}
	value, err := parse(body, plan.Read{EngineVersion: w.EngineVersion})
	if err != nil {
		return nil, err
	}
	value.Name = w.data + "/" + name
	return &value, nil
}

// tagged reports whether the metadata of a secret has all tags.
func tagged(body []byte, tags []string) (bool, error) {
	var metadata struct {
		Data *struct {
			CustomMetadata map[string]string `json:"custom_metadata"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &metadata) != nil || metadata.Data == nil {
		return false, wire.ErrGarbage
	}
	for _, tag := range tags {
		key, want, _ := strings.Cut(tag, "=")
		if got, there := metadata.Data.CustomMetadata[key]; !there || got != want {
			return false, nil
		}
	}
	return true, nil
}

// names lists the secrets below the folder, one level after the other.
func (w *walk) names(ctx context.Context, do ask) ([]string, error) {
	var names []string
	folders := []string{w.folder}
	var seen atomic.Int64
	for depth := 0; len(folders) > 0; depth++ {
		if depth == maxDepth {
			return nil, errTooDeep
		}
		levels := make([][]string, len(folders))
		listing, ctx := errgroup.WithContext(ctx)
		listing.SetLimit(atOnce)
		for i, folder := range folders {
			listing.Go(func() (err error) {
				levels[i], err = w.list(ctx, do, folder)
				switch {
				case depth > 0 && missing(err):
					return nil // it went meanwhile
				case seen.Add(int64(len(levels[i]))) > maxNames:
					return errTooMany
				}
				return err
			})
		}
		if err := listing.Wait(); err != nil {
			return nil, err
		}
		folders = nil
		for _, path := range slices.Concat(levels...) {
			if folder, is := strings.CutSuffix(path, "/"); !is {
				names = append(names, path)
			} else if w.Recursive {
				folders = append(folders, folder)
			}
		}
	}
	return names, nil
}

// list lists the paths of what is directly in a folder. Those of folders end with a slash.
func (w *walk) list(ctx context.Context, do ask, folder string) ([]string, error) {
	at := w.lists
	if folder != "" {
		at, folder = at+"/"+folder, folder+"/"
	}
	body, err := do(ctx, at, url.Values{"list": {"true"}})
	if err != nil {
		return nil, err
	}
	var listed struct {
		Data struct {
			Keys []string `json:"keys"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &listed) != nil || listed.Data.Keys == nil {
		return nil, wire.ErrGarbage
	}
	paths := make([]string, len(listed.Data.Keys))
	for i, key := range listed.Data.Keys {
		if err := w.sound(folder, key); err != nil {
			return nil, err
		}
		paths[i] = folder + key
	}
	return paths, nil
}

// sound refuses a name that would be read elsewhere than in its folder, or that no object could name.
func (w *walk) sound(folder, key string) error {
	name := strings.TrimSuffix(key, "/")
	vault, _ := backends.Of(backends.Vault)
	problem := vault.Key(w.data + "/" + folder + name)
	if strings.Contains(name, "/") {
		problem = "must not contain /"
	}
	if problem == "" {
		return nil
	}
	return &driver.Error{
		Kind: driver.Invalid, Problem: "below the path is the name " + driver.Word(folder+key) + ", which " + problem,
		Hint: "give it another name in Vault, or name a path without it",
	}
}

// missing reports whether a backend has proved that something is not there.
func missing(err error) bool {
	_, none := errors.AsType[*notFoundError](err)
	own, ok := errors.AsType[*driver.Error](err)
	return none || ok && own.Kind == driver.NotFound
}

// ofName is an error of one of the names that a walk found.
type ofName struct {
	name string
	err  error
}

func (e *ofName) Error() string { return driver.Word(e.name) + ": " + wire.Explain(e.err) }

// Unwrap returns what went wrong.
func (e *ofName) Unwrap() error { return e.err }

// nothingBelow says that a walk finds nothing. Vault answers so for a path with a typo, too.
func nothingBelow(read plan.Read) error {
	none := &driver.Error{
		Kind: driver.NotFound, Problem: "no secret is below " + read.Key,
		Hint: "check the path: with {engine 2} it is <mount>/data/<folder>, and <mount>/<folder> with {engine 1}; " +
			"a secret itself is read by its key",
	}
	if read.Tags != "" {
		none.Problem += " and has the tags"
		none.Hint = "check the path, and the custom metadata of the secrets"
	}
	return none
}
