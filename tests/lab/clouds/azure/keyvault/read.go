package keyvault

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/secretgate/secretgate/tests/lab/clouds/permission"
)

// Caller is who reads.
type Caller struct {
	Name string // as refusals call the caller
	May  permission.Set
}

// Get reads a version of a secret or of another kind; of an empty one, the newest. host is that by which the vault was reached.
func (s *Service) Get(vault, host string, kind Kind, name, id string, caller Caller) (any, error) {
	if !namePattern.MatchString(name) || id != "" && !namePattern.MatchString(id) {
		return nil, &Error{http.StatusBadRequest, "BadParameter", "The request URI contains an invalid name: " + name, ""}
	}
	if err := caller.authorize(kinds[kind].action, vault, kind.Resource(vault, name)); err != nil {
		return nil, err
	}
	noun := kinds[kind].noun
	found, ok := s.find(vault, place{kind, strings.ToLower(name)}, id)
	switch {
	case !ok:
		asked := name
		if id != "" {
			asked += "/" + id
		}
		return nil, &Error{http.StatusNotFound, noun + "NotFound", fmt.Sprintf("A %s with (name/id) %s was not found in this key vault. "+
			"If you recently deleted this %[1]s you may be able to recover it using the correct recovery command. "+
			"For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182", strings.ToLower(noun), asked), ""}
	case found.Disabled && kind == Secrets: // certificates and public keys can be read all the same
		return nil, &Error{http.StatusForbidden, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled"}
	}
	return found.bundle(host, kind), nil
}

// authorize refuses what no role of the caller's permits.
func (c Caller) authorize(action, vault, resource string) error {
	if c.May.Allows(action, resource) {
		return nil
	}
	return &Error{http.StatusForbidden, "Forbidden", fmt.Sprintf("Caller is not authorized to perform action on resource.\r\n"+
		"If role assignments, deny assignments or role definitions were changed recently, please observe propagation time.\r\n"+
		"Caller: %s\r\nAction: '%s'\r\nResource: '%s'\r\nAssignment: (not found)\r\nVault: %s;location=lab\r\n",
		c.Name, action, resource, vault), "ForbiddenByRbac"}
}

// bundle is the answer to a read: of SecretBundle, CertificateBundle and KeyBundle what clients look at.
func (v version) bundle(host string, kind Kind) any {
	id := "https://" + host + "/" + string(kind) + "/" + v.Name + "/" + v.Version
	body := map[string]any{"attributes": v.attributes(), "tags": v.Tags}
	switch kind {
	case Certificates:
		body["id"], body["cer"] = id, v.Value
	case Keys:
		var key map[string]any
		_ = json.Unmarshal([]byte(v.Value), &key) // what is no object has no members
		if key == nil {
			key = map[string]any{}
		}
		key["kid"] = id
		body["key"] = key
	case Secrets:
		body["id"], body["value"] = id, v.Value
		if v.ContentType != "" {
			body["contentType"] = v.ContentType
		}
	}
	return body
}

func (v version) attributes() any {
	return map[string]any{"enabled": !v.Disabled, "created": v.created.Unix(), "updated": v.created.Unix()}
}

// Page is one page of a list: https://learn.microsoft.com/rest/api/keyvault/secrets/get-secrets/get-secrets.
type Page struct {
	Value []map[string]any `json:"value"`
	// NextLink is where the list goes on; null: it ends.
	NextLink *string `json:"nextLink"`
}

// pageSize is how many secrets a page has at most.
const pageSize = 25

// Page lists secrets by name, from the one of a token on, without values. link makes the link of the next page.
func (s *Service) Page(vault, host, token string, caller Caller, link func(token string) string) (Page, error) {
	if err := caller.authorize(ListAction, vault, Vault(vault)); err != nil {
		return Page{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var names []string
	kept := s.vaults[strings.ToLower(vault)]
	for at, one := range kept {
		if at.kind == Secrets && !one.deleted && at.name >= token {
			names = append(names, at.name)
		}
	}
	slices.Sort(names)
	page := Page{Value: []map[string]any{}}
	for i, name := range names {
		if i == pageSize {
			next := link(name)
			page.NextLink = &next
			break
		}
		versions := kept[place{Secrets, name}].versions
		newest := versions[len(versions)-1]
		page.Value = append(page.Value, map[string]any{
			"id": "https://" + host + "/secrets/" + newest.Name, "attributes": newest.attributes(), "tags": newest.Tags,
		})
	}
	return page, nil
}

func (s *Service) find(vault string, at place, id string) (version, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	kept := s.vaults[strings.ToLower(vault)][at]
	if kept == nil || kept.deleted {
		return version{}, false
	}
	for _, v := range slices.Backward(kept.versions) {
		if id == "" || strings.EqualFold(v.Version, id) {
			return v, true
		}
	}
	return version{}, false
}
