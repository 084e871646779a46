package google

import (
	"encoding/json"
	"net/http"

	"github.com/secretgate/secretgate/tests/lab/clouds/admin"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/iam"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/secretmanager"
)

// inProject is the body of the admin calls on secrets. An empty project is LabProject.
type inProject struct {
	Project string                 `json:"project"`
	Secrets []secretmanager.Secret `json:"secrets"`
	Names   []string               `json:"names"`
	All     bool                   `json:"all"`
}

// oneVersion is the body of the admin calls on versions.
type oneVersion struct {
	Project string              `json:"project"`
	Name    string              `json:"name"`
	Version int                 `json:"version"`
	State   secretmanager.State `json:"state"`
	Alias   string              `json:"alias"`
}

// Admin serves the part of the admin API that is Google's, under prefix. README.md of package clouds documents it.
func (c *Cloud) Admin(mux *http.ServeMux, prefix string) {
	mux.HandleFunc("PUT "+prefix+"/projects", admin.Takes(func(in struct{ ID, Number string }) (any, error) {
		return nil, c.secrets.PutProject(in.ID, in.Number)
	}))
	mux.HandleFunc("GET "+prefix+"/secrets", func(w http.ResponseWriter, r *http.Request) {
		admin.Answer(w, c.secrets.Listed(projectOr(r.FormValue("project"))))
	})
	mux.HandleFunc("PUT "+prefix+"/secrets", admin.Takes(func(in inProject) (any, error) {
		return len(in.Secrets), c.secrets.Put(projectOr(in.Project), false, in.Secrets...)
	}))
	mux.HandleFunc("POST "+prefix+"/secrets/rotate", admin.Takes(func(in inProject) (any, error) {
		return len(in.Secrets), c.secrets.Put(projectOr(in.Project), true, in.Secrets...)
	}))
	mux.HandleFunc("POST "+prefix+"/secrets/delete", admin.Takes(func(in inProject) (any, error) {
		if in.All {
			c.secrets.Delete(projectOr(in.Project))
		}
		c.DeleteSecrets(projectOr(in.Project), in.Names...)
		return nil, nil
	}))
	mux.HandleFunc("POST "+prefix+"/versions/state", admin.Takes(func(in oneVersion) (any, error) {
		return nil, c.secrets.SetState(projectOr(in.Project), in.Name, in.Version, in.State)
	}))
	mux.HandleFunc("POST "+prefix+"/versions/alias", admin.Takes(func(in oneVersion) (any, error) {
		return nil, c.secrets.SetAlias(projectOr(in.Project), in.Name, in.Alias, in.Version)
	}))
	c.adminIdentities(mux, prefix)
}

func (c *Cloud) adminIdentities(mux *http.ServeMux, prefix string) {
	mux.HandleFunc("GET "+prefix+"/accounts", func(w http.ResponseWriter, _ *http.Request) {
		admin.Answer(w, c.identities.Accounts())
	})
	mux.HandleFunc("PUT "+prefix+"/accounts", admin.Takes(func(in iam.Account) (any, error) { return nil, c.identities.PutAccount(in) }))
	mux.HandleFunc("DELETE "+prefix+"/accounts", func(w http.ResponseWriter, r *http.Request) {
		admin.Finish(w, nil, c.identities.RemoveAccount(r.FormValue("email")))
	})
	mux.HandleFunc("PUT "+prefix+"/pools", admin.Takes(func(in iam.Pool) (any, error) { return nil, c.identities.PutPool(in) }))
	mux.HandleFunc("POST "+prefix+"/keys", func(w http.ResponseWriter, r *http.Request) {
		tokenURI := "http://" + r.Host + TokenPath
		admin.Takes(func(in struct{ Email string }) (any, error) {
			file, err := c.identities.NewKey(in.Email, tokenURI)
			return json.RawMessage(file), err
		})(w, r)
	})
	mux.HandleFunc("DELETE "+prefix+"/keys", func(w http.ResponseWriter, r *http.Request) {
		admin.Finish(w, nil, c.identities.RemoveKeys(r.FormValue("email")))
	})
	mux.HandleFunc("POST "+prefix+"/metadata", admin.Takes(func(in struct{ Email string }) (any, error) {
		c.Attach(in.Email)
		return nil, nil
	}))
	mux.HandleFunc("POST "+prefix+"/tokens/expire", func(w http.ResponseWriter, _ *http.Request) {
		c.ExpireTokens()
		admin.Answer(w, nil)
	})
}

func projectOr(project string) string {
	if project == "" {
		return LabProject
	}
	return project
}
