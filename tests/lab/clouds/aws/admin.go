package aws

import (
	"net/http"

	"github.com/secretgate/secretgate/tests/lab/clouds/admin"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/ssm"
)

// defaultRegion is meant where the admin API is given none.
const defaultRegion = "us-west-2"

// inRegion is the body of the admin calls on secrets and parameters.
type inRegion struct {
	Region     string                  `json:"region"`
	Secrets    []secretsmanager.Secret `json:"secrets"`
	Parameters []ssm.Parameter         `json:"parameters"`
	Names      []string                `json:"names"`
	All        bool                    `json:"all"`
}

// Admin serves the part of the admin API that is AWS's, under prefix. README.md of package clouds
// documents it.
func (c *Cloud) Admin(mux *http.ServeMux, prefix string) {
	mux.HandleFunc("GET "+prefix+"/secrets", func(w http.ResponseWriter, r *http.Request) {
		admin.Answer(w, c.Secrets(inRegion{Region: r.FormValue("region")}.region()))
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
	c.adminParameters(mux, prefix+"/parameters")
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
	mux.HandleFunc("PUT "+prefix+"/instance", admin.Takes(func(in struct {
		Role string `json:"role"`
	}) (any, error) {
		c.SetInstanceRole(in.Role)
		return nil, nil
	}))
	mux.HandleFunc("POST "+prefix+"/sessions/expire", func(w http.ResponseWriter, _ *http.Request) {
		c.ExpireSessions()
		admin.Answer(w, nil)
	})
}

func (c *Cloud) adminParameters(mux *http.ServeMux, path string) {
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		admin.Answer(w, c.Parameters(inRegion{Region: r.FormValue("region")}.region()))
	})
	mux.HandleFunc("PUT "+path, admin.Takes(func(in inRegion) (any, error) {
		return len(in.Parameters), c.PutParameters(in.region(), in.Parameters...)
	}))
	mux.HandleFunc("POST "+path+"/delete", admin.Takes(func(in inRegion) (any, error) {
		if in.All {
			c.DeleteAllParameters(in.region())
		}
		c.DeleteParameters(in.region(), in.Names...)
		return nil, nil
	}))
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
