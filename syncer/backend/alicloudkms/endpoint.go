package alicloudkms

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// globalSTS is where KES assumes roles.
const globalSTS = "sts.aliyuncs.com"

// endpoint is a service's scheme and host, with the port if it has one.
type endpoint struct{ scheme, host string }

// regionalHost is the form of KMS's own hosts, that of the public network and that of VPCs.
// https://www.alibabacloud.com/help/en/kms/key-management-service/developer-reference/endpoints
var regionalHost = regexp.MustCompile(`\Akms(?:-vpc)?\.([a-z0-9-]+)\.aliyuncs\.com(?::\d+)?\z`)

// region is the one that the host names, if it names one.
func (e endpoint) region() string {
	if named := regionalHost.FindStringSubmatch(e.host); named != nil {
		return named[1]
	}
	return ""
}

func (c Config) kms() (endpoint, error) {
	text := c.Endpoint
	if text == "" && c.Region != "" {
		text = "kms." + c.Region + ".aliyuncs.com"
	}
	return parse("ALICLOUD_ENDPOINT", text)
}

func (c Config) sts() (endpoint, error) {
	text := c.STSEndpoint
	if text == "" {
		text = globalSTS
	}
	return parse("ALICLOUD_STS_ENDPOINT", text)
}

// parse takes a host or a URL without more than a host. Errors do not quote it, since it may hold a password.
func parse(variable, text string) (endpoint, error) {
	if text == "" {
		return endpoint{}, nil
	}
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return endpoint{}, fmt.Errorf("%s is no endpoint: give a host such as kms.eu-central-1.aliyuncs.com, or a URL of one", variable)
	}
	return endpoint{scheme: u.Scheme, host: u.Host}, nil
}
