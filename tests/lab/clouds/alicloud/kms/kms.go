// Package kms emulates GetSecretValue of Alibaba Cloud's Key Management Service, version 2016-01-20, over generic secrets.
// https://www.alibabacloud.com/help/en/kms/key-management-service/developer-reference/api-kms-2016-01-20-getsecretvalue
package kms

import (
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/api"
)

// Version of the API.
const Version = "2016-01-20"

// Service is one account's KMS in all regions. Make it with New.
type Service struct {
	account string
	store   store
}

// New returns an empty KMS of an account.
func New(account string) *Service { return &Service{account: account} }

// GetSecretValue answers a version of a secret: the one of an id, or of a stage, which is ACSCurrent where none is named.
func (s *Service) GetSecretValue(call api.Call) (map[string]any, error) {
	name, id, stage := s.Name(call), call.Params["VersionId"], call.Params["VersionStage"]
	switch {
	case name == "":
		return nil, api.Missing("SecretName")
	case len(name) > 64 || len(id) > 64 || len(stage) > 64:
		return nil, api.Errorf(http.StatusBadRequest, "InvalidParameter", "The specified parameter is not valid.")
	case !call.Caller.Permissions.Allows("kms:GetSecretValue", s.prefix(call.Region)+name):
		return nil, api.Errorf(http.StatusForbidden, "Forbidden.NoPermission", "This operation is forbidden by permission system.")
	}
	if id == "" && stage == "" {
		stage = current
	}
	found, ok := s.store.find(call.Region, name, id, stage)
	if !ok {
		return nil, api.Errorf(http.StatusNotFound, "Forbidden.ResourceNotFound", "Resource not found.")
	}
	answer := map[string]any{
		"SecretName": name, "SecretType": "Generic", "AutomaticRotation": "Disabled",
		"VersionId": found.id, "VersionStages": map[string][]string{"VersionStage": found.stages},
		"CreateTime": found.created.UTC().Format(time.RFC3339), "SecretDataType": "text", "SecretData": found.Text,
	}
	if found.Binary != nil {
		answer["SecretDataType"], answer["SecretData"] = "binary", base64.StdEncoding.EncodeToString(found.Binary)
	}
	return answer, nil
}

// Name is the secret that a call is about. It may be asked for by its ARN.
func (s *Service) Name(call api.Call) string {
	return strings.TrimPrefix(call.Params["SecretName"], s.prefix(call.Region))
}

func (s *Service) prefix(region string) string {
	return "acs:kms:" + region + ":" + s.account + ":secret/"
}
