package rpc

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Endpoint is a service's scheme and host, with the port if it has one, and the region that is asked for there.
type Endpoint struct{ Scheme, Host, RegionID string }

// regionalHost is the form of KMS's own hosts, that of the public network and that of VPCs.
// https://www.alibabacloud.com/help/en/kms/key-management-service/developer-reference/endpoints
var regionalHost = regexp.MustCompile(`\Akms(?:-vpc)?\.([a-z0-9-]+)\.aliyuncs\.com(?::\d+)?\z`)

var publicHost = regexp.MustCompile(`\Akms\.[a-z0-9-]+\.aliyuncs\.com\z`)

// In is where a service is in a region, as e is where it is in another, or in any. It is not known where a host in a VPC or of another name
// has other regions than the one that it is known to be of.
func (e Endpoint) In(region string) (at Endpoint, ok bool) {
	switch {
	case region == "" || region == e.RegionID:
		return e, true
	case e.Host == "" || publicHost.MatchString(e.Host):
		return Endpoint{Scheme: cmp.Or(e.Scheme, "https"), Host: "kms." + region + ".aliyuncs.com", RegionID: region}, true
	case e.RegionID == "":
		e.RegionID = region
		return e, true
	}
	return e, false
}

// inHost is the region in the host, if it has one.
func (e Endpoint) inHost() string {
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
	e := Endpoint{Scheme: u.Scheme, Host: u.Host}
	e.RegionID = e.inHost()
	return e, nil
}
