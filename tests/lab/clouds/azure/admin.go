package azure

import (
	"net/http"

	"github.com/secretgate/secretgate/tests/lab/clouds/admin"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/entra"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure/keyvault"
)

// inVault is the body of the admin calls on secrets.
type inVault struct {
	Vault   string            `json:"vault"`
	Secrets []keyvault.Secret `json:"secrets"`
	Names   []string          `json:"names"`
}

// Admin serves the part of the admin API that is Azure's, under prefix. README.md of package clouds documents it.
func (c *Cloud) Admin(mux *http.ServeMux, prefix string) {
	mux.HandleFunc("GET "+prefix+"/secrets", func(w http.ResponseWriter, r *http.Request) {
		admin.Answer(w, c.Secrets(r.FormValue("vault")))
	})
	mux.HandleFunc("PUT "+prefix+"/secrets", admin.Takes(func(in inVault) (any, error) {
		return len(in.Secrets), c.PutSecrets(in.Vault, in.Secrets...)
	}))
	mux.HandleFunc("POST "+prefix+"/secrets/delete", admin.Takes(func(in inVault) (any, error) {
		c.DeleteSecrets(in.Vault, in.Names...)
		return nil, nil
	}))
	mux.HandleFunc("GET "+prefix+"/apps", func(w http.ResponseWriter, _ *http.Request) { admin.Answer(w, c.directory.Apps()) })
	mux.HandleFunc("PUT "+prefix+"/apps", admin.Takes(func(in entra.App) (any, error) {
		app, err := c.directory.PutApp(in)
		return app, err
	}))
	mux.HandleFunc("DELETE "+prefix+"/apps", func(w http.ResponseWriter, r *http.Request) {
		admin.Finish(w, nil, c.directory.RemoveApp(r.FormValue("clientId")))
	})
	mux.HandleFunc("GET "+prefix+"/credentials", func(w http.ResponseWriter, _ *http.Request) {
		admin.Answer(w, map[string]any{"app": c.labApp, "identityHeader": c.identityHeader})
	})
	mux.HandleFunc("POST "+prefix+"/tokens/expire", func(w http.ResponseWriter, _ *http.Request) {
		c.ExpireTokens()
		admin.Answer(w, nil)
	})
}
