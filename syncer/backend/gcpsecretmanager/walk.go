package gcpsecretmanager

import (
	"context"
	"regexp"
	"strings"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// pageSize is how many secrets one page of a list has at most.
const pageSize = 1000

// Walk implements driver.Walker: it reads the newest version of each secret whose name begins with the key and that has the tags, which
// Google calls labels.
func (d *Driver) Walk(ctx context.Context, store plan.Store, read plan.Read) (values []driver.Value, err error) {
	err = d.do(ctx, store, func(a at) error {
		found, err := a.list(ctx, store, read)
		if err != nil {
			return err
		}
		values, err = found.Values(ctx, func(ctx context.Context, name string) (driver.Value, error) {
			return a.access(ctx, store, plan.Read{Key: name, Version: "latest"})
		})
		return err
	})
	return values, err
}

func (a at) list(ctx context.Context, store plan.Store, read plan.Read) (*driver.Found, error) {
	found := &driver.Found{Read: read}
	request := &secretmanagerpb.ListSecretsRequest{Parent: a.parent, PageSize: pageSize, Filter: filter(read)}
	for {
		if err := found.Page(); err != nil {
			return nil, err
		}
		page, err := a.service.ListSecrets(routed(ctx, "parent", a.parent), request, grpc.PerRPCCredentials(bearer(a.login.Headers)))
		if err != nil {
			return nil, postponed(err)
		}
		for _, one := range page.GetSecrets() {
			name, version, ok := parse(store, one.GetName())
			if !ok || version != "" {
				return nil, driver.ErrOther
			}
			if err := found.Add(name, one.GetLabels()); err != nil {
				return nil, err
			}
		}
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return found, nil
		}
	}
}

// plain are words that mean nothing else in a filter.
var plain = regexp.MustCompile(`\A[0-9A-Za-z][0-9A-Za-z_-]*\z`)

// filter has the service leave out most of what is not wanted. What it lets pass is looked at all the same: it finds names that have the
// text anywhere, in any case. https://cloud.google.com/secret-manager/docs/filtering
func filter(read plan.Read) string {
	var parts []string
	if plain.MatchString(read.Key) {
		parts = append(parts, "name:"+read.Key)
	}
	for _, tag := range read.Tags.Texts() {
		if key, value, _ := strings.Cut(tag, "="); plain.MatchString(key) && plain.MatchString(value) {
			parts = append(parts, "labels."+key+"="+value)
		}
	}
	return strings.Join(parts, " AND ")
}
