package secretsmanager

import (
	"errors"
	"strconv"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/api"
)

// maxBatch is how many ids one BatchGetSecretValue takes.
const maxBatch = 20

func (s *Service) getSecretValue(call api.Call, in getSecretValueInput) (any, error) {
	return s.getOne(call, in)
}

// getOne reads one version's value.
func (s *Service) getOne(call api.Call, in getSecretValueInput) (secretValueOutput, error) {
	if err := s.authorize(call, "GetSecretValue", in.SecretID); err != nil {
		return secretValueOutput{}, err
	}
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	sec := s.store.find(call.Region, in.SecretID, call.Now)
	if sec == nil {
		return secretValueOutput{}, notFound()
	}
	if sec.deleted() {
		return secretValueOutput{}, markedForDeletion()
	}
	v, err := sec.choose(in.VersionID, in.VersionStage)
	if err != nil {
		return secretValueOutput{}, err
	}
	return secretValueOutput{
		ARN: sec.arn, Name: sec.name, VersionID: v.id, SecretString: v.value.text, SecretBinary: v.value.binary,
		VersionStages: v.stages, CreatedDate: api.Epoch(v.created),
	}, nil
}

// choose picks the version that an id and a stage name: both must agree, neither means AWSCURRENT.
func (s *secret) choose(id, stage string) (*version, error) {
	if id == "" {
		if stage == "" {
			stage = current
		}
		if v := s.withStage(stage); v != nil {
			return v, nil
		}
		return nil, api.Errorf("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: %s",
			stage)
	}
	v := s.withID(id)
	if v == nil {
		return nil, api.Errorf("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for VersionId: %s", id)
	}
	if stage != "" && !v.has(stage) {
		return nil, invalidRequest("You provided a VersionStage that is not associated to the provided VersionId.")
	}
	return v, nil
}

// batchGetSecretValue needs its own permission, on all resources, and GetSecretValue on each secret. What
// is wrong with one secret is told in Errors and does not harm the others.
func (s *Service) batchGetSecretValue(call api.Call, in batchGetSecretValueInput) (any, error) {
	if err := call.Authorize("secretsmanager:BatchGetSecretValue", "*"); err != nil {
		return nil, err
	}
	switch {
	case len(in.Filters) > 0:
		return nil, invalidParameter("This emulator does not support Filters: give SecretIdList.")
	case in.MaxResults != nil || in.NextToken != "":
		return nil, invalidParameter("You can't use MaxResults or NextToken with SecretIdList.")
	case len(in.SecretIDList) == 0:
		return nil, invalidParameter("You must provide either SecretIdList or Filters.")
	case len(in.SecretIDList) > maxBatch:
		return nil, api.Validation("secretIdList", strconv.Itoa(len(in.SecretIDList))+" ids", "Member must have length less than or equal to 20")
	}
	out := batchGetSecretValueOutput{SecretValues: []secretValueOutput{}, Errors: []batchError{}}
	for _, id := range in.SecretIDList {
		got, err := s.getOne(call, getSecretValueInput{SecretID: id})
		if failed, ok := errors.AsType[*api.Error](err); ok {
			out.Errors = append(out.Errors, batchError{SecretID: id, ErrorCode: failed.Code, Message: failed.Message})
			continue
		}
		if err != nil {
			return nil, err
		}
		out.SecretValues = append(out.SecretValues, got)
	}
	return out, nil
}

func (s *Service) describeSecret(call api.Call, in secretIDInput) (any, error) {
	if err := s.authorize(call, "DescribeSecret", in.SecretID); err != nil {
		return nil, err
	}
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	sec := s.store.find(call.Region, in.SecretID, call.Now)
	if sec == nil {
		return nil, notFound()
	}
	d := sec.describe()
	d.DescribedStages = sec.stages()
	return d, nil
}

func (s *secret) describe() description {
	return description{
		ARN: s.arn, Name: s.name, Description: s.description, KmsKeyID: s.kmsKeyID, Tags: s.tags,
		CreatedDate: api.Epoch(s.created), LastChangedDate: api.Epoch(s.changed), DeletedDate: api.Epoch(s.deletedAt),
	}
}

func (s *Service) listSecrets(call api.Call, in listSecretsInput) (any, error) {
	if err := call.Authorize("secretsmanager:ListSecrets", "*"); err != nil {
		return nil, err
	}
	if in.SortBy != "" || in.SortOrder != "" {
		return nil, invalidParameter("This emulator does not support SortBy and SortOrder: it lists secrets by name.")
	}
	if err := checkFilters(in.Filters); err != nil {
		return nil, err
	}
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	var names []string
	for _, name := range s.store.names(call.Region) {
		sec := s.store.regions[call.Region][name]
		if !sec.gone(call.Now) && (in.IncludePlannedDeletion || !sec.deleted()) && takes(in.Filters, sec) {
			names = append(names, name)
		}
	}
	page, err := page(len(names), in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := listSecretsOutput{SecretList: []description{}, NextToken: page.Next}
	for _, name := range names[page.Start:page.End] {
		sec := s.store.regions[call.Region][name]
		d := sec.describe()
		d.ListedStages = sec.stages()
		out.SecretList = append(out.SecretList, d)
	}
	return out, nil
}

func (s *Service) listSecretVersionIDs(call api.Call, in listSecretVersionIDsInput) (any, error) {
	if err := s.authorize(call, "ListSecretVersionIds", in.SecretID); err != nil {
		return nil, err
	}
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	sec := s.store.find(call.Region, in.SecretID, call.Now)
	if sec == nil {
		return nil, notFound()
	}
	listed := []listedVersion{}
	for _, v := range sec.versions {
		if in.IncludeDeprecated || len(v.stages) > 0 {
			listed = append(listed, listedVersion{VersionID: v.id, VersionStages: v.stages, CreatedDate: api.Epoch(v.created)})
		}
	}
	page, err := page(len(listed), in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	return listSecretVersionIDsOutput{ARN: sec.arn, Name: sec.name, Versions: listed[page.Start:page.End], NextToken: page.Next}, nil
}

// page cuts one page out of total items.
func page(total int, maxResults *int, token string) (api.Page, error) {
	size := 100
	if maxResults != nil {
		size = *maxResults
	}
	if size < 1 || size > 100 {
		return api.Page{}, api.Validation("maxResults", strconv.Itoa(size), "Member must have value between 1 and 100")
	}
	p, ok := api.PageOf(total, size, token)
	if !ok {
		return api.Page{}, api.Errorf("InvalidNextTokenException", "Invalid token")
	}
	return p, nil
}
