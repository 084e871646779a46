package alicloud

import (
	"cmp"
	"net/http"

	"github.com/secretgate/secretgate/tests/lab/clouds/admin"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/kms"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/ram"
)

// inRegion is the body of the admin calls on secrets.
type inRegion struct {
	Region  string       `json:"region"`
	Secrets []kms.Secret `json:"secrets"`
	Names   []string     `json:"names"`
	All     bool         `json:"all"`
}

// Admin serves the part of the admin API that is Alibaba Cloud's, under prefix. README.md of package clouds documents it.
func (c *Cloud) Admin(mux *http.ServeMux, prefix string) {
	mux.HandleFunc("GET "+prefix+"/secrets", func(w http.ResponseWriter, r *http.Request) {
		admin.Answer(w, c.kms.List(cmp.Or(r.FormValue("region"), Region)))
	})
	mux.HandleFunc("PUT "+prefix+"/secrets", admin.Takes(func(in inRegion) (any, error) {
		return len(in.Secrets), c.PutSecrets(cmp.Or(in.Region, Region), in.Secrets...)
	}))
	mux.HandleFunc("POST "+prefix+"/secrets/delete", admin.Takes(func(in inRegion) (any, error) {
		if in.All {
			c.kms.DeleteAll(cmp.Or(in.Region, Region))
		}
		c.DeleteSecrets(cmp.Or(in.Region, Region), in.Names...)
		return nil, nil
	}))
	mux.HandleFunc("GET "+prefix+"/identities", func(w http.ResponseWriter, _ *http.Request) {
		admin.Answer(w, c.identities.Snapshot())
	})
	mux.HandleFunc("PUT "+prefix+"/identities", admin.Takes(c.putIdentities))
	mux.HandleFunc("DELETE "+prefix+"/identities", func(w http.ResponseWriter, r *http.Request) {
		admin.Finish(w, nil, c.identities.Remove(r.FormValue("name")))
	})
	mux.HandleFunc("GET "+prefix+"/credentials", func(w http.ResponseWriter, _ *http.Request) {
		admin.Answer(w, c.labUser)
	})
	mux.HandleFunc("POST "+prefix+"/sessions/expire", func(w http.ResponseWriter, _ *http.Request) {
		c.ExpireSessions()
		admin.Answer(w, nil)
	})
}

// putIdentities adds or replaces identities, in order, up to the first that is refused. It answers the users with their keys.
func (c *Cloud) putIdentities(in ram.Snapshot) (any, error) {
	users := []ram.User{}
	for _, u := range in.Users {
		put, err := c.identities.PutUser(u)
		if err != nil {
			return nil, err
		}
		users = append(users, put)
	}
	for _, r := range in.Roles {
		if err := c.identities.PutRole(r); err != nil {
			return nil, err
		}
	}
	for _, p := range in.Providers {
		if err := c.identities.PutProvider(p); err != nil {
			return nil, err
		}
	}
	return map[string][]ram.User{"users": users}, nil
}
