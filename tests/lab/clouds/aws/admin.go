package aws

import (
	"net/http"

	"github.com/secretgate/secretgate/tests/lab/clouds/admin"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
)

// defaultRegion is meant where the admin API is given none.
const defaultRegion = "us-west-2"

// inRegion is the body of the admin calls on secrets.
type inRegion struct {
	Region  string                  `json:"region"`
	Secrets []secretsmanager.Secret `json:"secrets"`
	Names   []string                `json:"names"`
	All     bool                    `json:"all"`
}

// Admin serves the part of the admin API that is AWS's, under prefix. README.md of package clouds
// documents it.
func (c *Cloud) Admin(mux *http.ServeMux, prefix string) {
	mux.HandleFunc("GET "+prefix+"/secrets", func(w http.ResponseWriter, r *http.Request) {
		region := r.FormValue("region")
		if region == "" {
			region = defaultRegion
		}
		admin.Answer(w, c.Secrets(region))
	})
	mux.HandleFunc("PUT "+prefix+"/secrets", admin.Takes(func(in inRegion) (any, error) {
		return len(in.Secrets), c.PutSecrets(in.region(), in.Secrets...)
	}))
	mux.HandleFunc("POST "+prefix+"/secrets/rotate", admin.Takes(func(in inRegion) (any, error) {
		return len(in.Secrets), c.RotateSecrets(in.region(), in.Secrets...)
	}))
	mux.HandleFunc("POST "+prefix+"/secrets/delete", admin.Takes(func(in inRegion) (any, error) {
		if in.All {
			c.DeleteAllSecrets(in.region())
		}
		c.DeleteSecrets(in.region(), in.Names...)
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

func (in inRegion) region() string {
	if in.Region == "" {
		return defaultRegion
	}
	return in.Region
}

// putIdentities adds or replaces identities, in order, up to the first that is refused. It answers the
// users with their keys.
func (c *Cloud) putIdentities(in iam.Snapshot) (any, error) {
	users := []iam.User{}
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
	return map[string][]iam.User{"users": users}, nil
}
