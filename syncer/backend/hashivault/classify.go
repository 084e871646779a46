package hashivault

import (
	"errors"
	"strings"

	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault/login"
	"github.com/secretgate/secretgate/syncer/backend/hashivault/wire"
	"github.com/secretgate/secretgate/syncer/backend/transport"
)

var (
	errReserved = &driver.Error{
		Kind: driver.Invalid, Problem: "the path is one of Vault's own, whose answers hold the syncer's credentials",
		Hint: "name a path of a secrets engine",
	}
	errNotKV2 = &driver.Error{
		Kind: driver.Invalid, Problem: "the answer is none of a KV engine of version 2", Hint: "set {engine 1} if the engine is of version 1",
	}
	errIsKV2 = &driver.Error{
		Kind: driver.Invalid, Problem: "the answer is that of a KV engine of version 2, with its metadata", Hint: "set {engine 2}",
	}
	errTooLarge = &driver.Error{
		Kind: driver.Invalid, Problem: "the answer is larger than any value that a Secret can hold", Hint: "keep less under one key",
	}
	errEmpty = &driver.Error{
		Kind: driver.Invalid, Problem: "the answer holds no data", Hint: "check that the path names a secret",
	}
	errDeleted = &driver.Error{
		Kind: driver.NotFound, Problem: "the current version is deleted or destroyed", Hint: "undelete it, or write a new one",
	}
	errNoVersions = &driver.Error{
		Kind: driver.Invalid, Problem: "a KV engine of version 1 has no versions of a secret", Hint: "ask for no version, or set {engine 2}",
	}
	errVersion = &driver.Error{
		Kind: driver.Invalid, Problem: "the version is none of a KV engine of version 2", Hint: "write a number from 1 up, such as 3",
	}
	errFolder = &driver.Error{
		Kind: driver.Invalid, Problem: "the path is not one of the engine's mount",
		Hint: "with {engine 2} write <mount>/data/<folder>, or <mount>/data for all of it; with {engine 1} <mount>/<folder>, or <mount>",
	}
	errNoTags = &driver.Error{
		Kind: driver.Invalid, Problem: "a KV engine of version 1 has no custom metadata to find secrets by",
		Hint: "name no tags, or set {engine 2}",
	}
	errTooMany = &driver.Error{
		Kind: driver.Invalid, Problem: "more than 1,000 names are below the path", Hint: "name a path with fewer of them below it",
	}
	errTooDeep = &driver.Error{
		Kind: driver.Invalid, Problem: "folders below the path are more than 32 deep", Hint: "name a path that is further down",
	}
	errTooMuch = &driver.Error{
		Kind: driver.Invalid, Problem: "the secrets below the path have more than 16 MiB", Hint: "name a path with fewer secrets below it",
	}
)

// deleted says that a version, or without one the current one, is no more.
func deleted(version string) error {
	if version == "" {
		return errDeleted
	}
	return &driver.Error{
		Kind: driver.NotFound, Problem: "version " + version + " is deleted or destroyed", Hint: "undelete it, or read another version",
	}
}

// notFoundError proves that there is no such secret.
type notFoundError struct {
	version string // which was asked for; empty: the current one
}

func (e *notFoundError) Error() string {
	if e.version != "" {
		return "there is no such secret, or it has no version " + e.version
	}
	return "there is no such secret"
}

// pathError is what Vault says about a path that leads to no secret, whatever is there.
type pathError struct{ said []string }

func (e *pathError) Error() string { return strings.Join(e.said, "; ") }

// Classify implements driver.Driver.
func (d *Driver) Classify(err error) driver.Kind {
	var missing *notFoundError
	var nowhere *pathError
	var own *driver.Error
	var refused *login.Error
	switch {
	case errors.As(err, &missing):
		return driver.NotFound
	case errors.As(err, &nowhere):
		return driver.Invalid
	case errors.As(err, &own): // before Unanswered, since it may be an error of a file
		return own.Kind
	case transport.Unanswered(err):
		return driver.Unavailable
	case errors.As(err, &refused):
		return refused.Kind()
	}
	return wire.Kind(err)
}

// Explain is Vault's answer without the SDK's words around it.
func (d *Driver) Explain(err error) string {
	if refused, ok := errors.AsType[*login.Error](err); ok {
		return refused.Error()
	}
	if of, ok := errors.AsType[*ofName](err); ok {
		return of.Error()
	}
	return wire.Explain(err)
}
