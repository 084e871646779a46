package secretmanager

import (
	"regexp"
	"slices"
	"strings"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/genproto/googleapis/rpc/code"

	"github.com/secretgate/secretgate/tests/lab/clouds/google/api"
)

const (
	listPermission = "secretmanager.secrets.list"
	// maxPage is how many secrets a page has at most: far fewer than Google's 25,000, so that lists have several.
	maxPage = 20
)

var parentForm = regexp.MustCompile(`^projects/([a-z0-9:.-]+)(?:/locations/([a-z0-9-]+))?$`)

// List is ListSecrets, by name. Of filters it knows name:text and labels.key=value, joined by AND.
func (s *Store) List(call api.Call, in *secretmanagerpb.ListSecretsRequest) (*secretmanagerpb.ListSecretsResponse, error) {
	parts := parentForm.FindStringSubmatch(in.GetParent())
	if parts == nil {
		return nil, api.Errorf(code.Code_INVALID_ARGUMENT, "The provided parent [%s] does not match the expected format", in.GetParent())
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	p, err := s.of(parts[1])
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(listPermission, parent(p.id, parts[2])); err != nil {
		return nil, err
	}
	matches, err := filter(in.GetFilter())
	if err != nil {
		return nil, err
	}
	answer := &secretmanagerpb.ListSecretsResponse{}
	for _, name := range p.names(parts[2]) {
		at := place{parts[2], name}
		switch one := p.secrets[at]; {
		case name < in.GetPageToken(), !matches(name, one.labels):
		case len(answer.Secrets) == page(in.GetPageSize()):
			answer.NextPageToken = name
			return answer, nil
		default:
			answer.Secrets = append(answer.Secrets, &secretmanagerpb.Secret{Name: at.in(p.number), Labels: one.labels})
		}
	}
	return answer, nil
}

func page(asked int32) int {
	if asked <= 0 {
		return maxPage
	}
	return min(int(asked), maxPage)
}

// filter finds names that have a text anywhere, in any case: https://cloud.google.com/secret-manager/docs/filtering.
func filter(text string) (matches func(name string, labels map[string]string) bool, err error) {
	var terms []func(string, map[string]string) bool
	for term := range strings.SplitSeq(text, " AND ") {
		part, isName := strings.CutPrefix(term, "name:")
		label, value, isLabel := strings.Cut(strings.TrimPrefix(term, "labels."), "=")
		switch {
		case term == "":
		case isName:
			terms = append(terms, func(name string, _ map[string]string) bool {
				return strings.Contains(strings.ToLower(name), strings.ToLower(part))
			})
		case isLabel && strings.HasPrefix(term, "labels."):
			terms = append(terms, func(_ string, labels map[string]string) bool { return labels[label] == value })
		default:
			return nil, api.Errorf(code.Code_INVALID_ARGUMENT, "Invalid list filter: %s", text)
		}
	}
	return func(name string, labels map[string]string) bool {
		return !slices.ContainsFunc(terms, func(term func(string, map[string]string) bool) bool { return !term(name, labels) })
	}, nil
}
