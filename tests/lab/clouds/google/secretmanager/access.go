package secretmanager

import (
	"fmt"
	"hash/crc32"
	"regexp"
	"strconv"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/genproto/googleapis/rpc/code"

	"github.com/secretgate/secretgate/tests/lab/clouds/google/api"
)

// latest names the version that was created last, whatever its state.
const latest = "latest"

const accessPermission = "secretmanager.versions.access"

var versionForm = regexp.MustCompile(
	`^projects/([a-z0-9:.-]+)(?:/locations/([a-z0-9-]+))?/secrets/([A-Za-z0-9_-]{1,255})/versions/([A-Za-z0-9_-]+)$`)

// Keys are the names by which a request's secret goes, for faults.
func Keys(in *secretmanagerpb.AccessSecretVersionRequest) []string {
	if parts := versionForm.FindStringSubmatch(in.GetName()); parts != nil {
		return []string{parts[3], in.GetName()}
	}
	return []string{in.GetName()}
}

// Access is AccessSecretVersion. A caller that may not read a secret does not learn whether it exists.
func (s *Store) Access(
	call api.Call, in *secretmanagerpb.AccessSecretVersionRequest,
) (*secretmanagerpb.AccessSecretVersionResponse, error) {
	parts := versionForm.FindStringSubmatch(in.GetName())
	if parts == nil {
		return nil, api.Errorf(code.Code_INVALID_ARGUMENT,
			"The provided Secret Version ID [%s] does not match the expected format [projects/*/secrets/*/versions/*]", in.GetName())
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	at, asked := place{parts[2], parts[3]}, parts[4]
	p, err := s.of(parts[1])
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(accessPermission, at.in(p.id)); err != nil {
		return nil, err
	}
	sec := p.secrets[at]
	full := at.in(p.number)
	if sec == nil || len(sec.versions) == 0 {
		return nil, api.Errorf(code.Code_NOT_FOUND, "Secret [%s] not found or has no versions.", full)
	}
	number, ok := sec.number(asked)
	full = fmt.Sprintf("%s/versions/%s", full, asked)
	if !ok {
		return nil, api.Errorf(code.Code_NOT_FOUND, "Secret Version [%s] not found.", full)
	}
	v := sec.versions[number-1]
	if v.state != Enabled {
		return nil, api.Errorf(code.Code_FAILED_PRECONDITION, "Secret Version [%s] is in %s state.", full, v.state)
	}
	sum := int64(crc32.Checksum(v.payload, crc32.MakeTable(crc32.Castagnoli)))
	return &secretmanagerpb.AccessSecretVersionResponse{
		Name:    fmt.Sprintf("%s/versions/%d", at.in(p.number), number),
		Payload: &secretmanagerpb.SecretPayload{Data: v.payload, DataCrc32C: &sum},
	}, nil
}

// of finds a project by its id or number.
func (s *Store) of(named string) (*project, error) {
	id := named
	if known, ok := s.ids[id]; ok {
		id = known
	}
	if p := s.projects[id]; p != nil {
		return p, nil
	}
	return nil, api.Refuse(code.Code_PERMISSION_DENIED, "CONSUMER_INVALID", "Permission denied on resource project %s.", named)
}

// in is the full name of a secret of a project.
func (p place) in(project string) string { return parent(project, p.location) + "/secrets/" + p.name }

func parent(project, location string) string {
	if location == "" {
		return "projects/" + project
	}
	return "projects/" + project + "/locations/" + location
}

// number finds the version that a number, an alias or latest names.
func (s *secret) number(asked string) (int, bool) {
	number, err := strconv.Atoi(asked)
	switch {
	case asked == latest:
		number = len(s.versions)
	case err != nil:
		number = s.aliases[asked]
	}
	return number, number >= 1 && number <= len(s.versions)
}
