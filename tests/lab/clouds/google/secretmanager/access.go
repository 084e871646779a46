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

var versionForm = regexp.MustCompile(`^projects/([a-z0-9:.-]+)/secrets/([A-Za-z0-9_-]{1,255})/versions/([A-Za-z0-9_-]+)$`)

// Keys are the names by which a request's secret goes, for faults.
func Keys(in *secretmanagerpb.AccessSecretVersionRequest) []string {
	if parts := versionForm.FindStringSubmatch(in.GetName()); parts != nil {
		return []string{parts[2], in.GetName()}
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
	id, name, asked := parts[1], parts[2], parts[3]
	if known, ok := s.ids[id]; ok {
		id = known
	}
	p := s.projects[id]
	if p == nil {
		return nil, api.Refuse(code.Code_PERMISSION_DENIED, "CONSUMER_INVALID", "Permission denied on resource project %s.", parts[1])
	}
	if err := call.Authorize(accessPermission, "projects/"+p.id+"/secrets/"+name); err != nil {
		return nil, err
	}
	sec := p.secrets[name]
	full := "projects/" + p.number + "/secrets/" + name
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
		Name:    fmt.Sprintf("projects/%s/secrets/%s/versions/%d", p.number, name, number),
		Payload: &secretmanagerpb.SecretPayload{Data: v.payload, DataCrc32C: &sum},
	}, nil
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
