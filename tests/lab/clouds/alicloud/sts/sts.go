// Package sts emulates AssumeRole and AssumeRoleWithOIDC of Alibaba Cloud's Security Token Service, version 2015-04-01. Session
// policies and external ids are refused, since ignoring them would widen what a session may do.
// https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerole
package sts

import (
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/api"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/ram"
)

// Version of the API.
const Version = "2015-04-01"

// Service is STS over a directory of identities.
type Service struct {
	Directory *ram.Directory
}

var (
	roleForm    = regexp.MustCompile(`^acs:ram::\d+:role/.+$`)
	sessionForm = regexp.MustCompile(`^[A-Za-z0-9.@_-]{2,64}$`)
)

// AssumeRole begins a session of a role.
func (s *Service) AssumeRole(call api.Call) (map[string]any, error) {
	role, err := s.role(call.Params)
	if err != nil {
		return nil, err
	}
	if !ram.MayAssume(call.Caller, role) {
		return nil, api.Errorf(http.StatusForbidden, "NoPermission", "You are not authorized to do this action. You should be authorized by RAM.")
	}
	return s.start(call, role)
}

// role judges the parameters that both ways to assume a role have, and finds the role.
func (s *Service) role(p map[string]string) (ram.Role, error) {
	for _, name := range []string{"Policy", "ExternalId"} {
		if p[name] != "" {
			return ram.Role{}, invalid(name, "is not supported by this emulator.")
		}
	}
	if !roleForm.MatchString(p["RoleArn"]) {
		return ram.Role{}, invalid("RoleArn", "is wrongly formed.")
	}
	if !sessionForm.MatchString(p["RoleSessionName"]) {
		return ram.Role{}, invalid("RoleSessionName", "is wrongly formed.")
	}
	role, ok := s.Directory.Role(p["RoleArn"])
	if !ok {
		return ram.Role{}, api.Errorf(http.StatusNotFound, "EntityNotExist.Role", "The role not exists: %s .", p["RoleArn"])
	}
	return role, nil
}

func (s *Service) start(call api.Call, role ram.Role) (map[string]any, error) {
	lasts, err := duration(call.Params["DurationSeconds"], role.MaxSession())
	if err != nil {
		return nil, err
	}
	name := call.Params["RoleSessionName"]
	// Whole seconds, since the answer tells no more.
	c := s.Directory.StartSession(role, name, call.Now.Add(lasts).UTC().Truncate(time.Second), call.Now)
	return map[string]any{
		"AssumedRoleUser": map[string]string{"Arn": c.Caller.ARN, "AssumedRoleId": "300000000000000000:" + name},
		"Credentials": map[string]string{
			"AccessKeyId": c.AccessKeyID, "AccessKeySecret": c.AccessKeySecret, "SecurityToken": c.SecurityToken,
			"Expiration": c.Expiration.Format(time.RFC3339),
		},
	}, nil
}

func duration(text string, longest time.Duration) (time.Duration, error) {
	if text == "" {
		return time.Hour, nil
	}
	seconds, err := strconv.Atoi(text)
	lasts := time.Duration(seconds) * time.Second
	if err != nil || lasts < 15*time.Minute || lasts > longest {
		return 0, invalid("DurationSeconds", "is out of range: the Min/Max value is 900/"+strconv.Itoa(int(longest/time.Second))+".")
	}
	return lasts, nil
}

func invalid(name, why string) error {
	return api.Errorf(http.StatusBadRequest, "InvalidParameter."+name, "The parameter %s %s", name, why)
}
