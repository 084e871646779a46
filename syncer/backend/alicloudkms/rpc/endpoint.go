package rpc

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Endpoint is a service's scheme and host, with the port if it has one.
type Endpoint struct{ Scheme, Host string }

// regionalHost is the form of KMS's own hosts, that of the public network and that of VPCs.
// https://www.alibabacloud.com/help/en/kms/key-management-service/developer-reference/endpoints
var regionalHost = regexp.MustCompile(`\Akms(?:-vpc)?\.([a-z0-9-]+)\.aliyuncs\.com(?::\d+)?\z`)

// Region is that in the host, if it has one.
func (e Endpoint) Region() string {
	if named := regionalHost.FindStringSubmatch(e.Host); named != nil {
		return named[1]
	}
	return ""
}

// Parse takes a host or a URL without more than a host. Errors name the variable that it is of, and do not
// quote it, since it may hold a password.
func Parse(variable, text string) (Endpoint, error) {
	if text == "" {
		return Endpoint{}, nil
	}
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return Endpoint{}, fmt.Errorf("%s is no endpoint: give a host such as kms.eu-central-1.aliyuncs.com, or a URL of one", variable)
	}
	return Endpoint{Scheme: u.Scheme, Host: u.Host}, nil
}
