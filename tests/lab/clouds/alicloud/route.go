package alicloud

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/api"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/kms"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/rpc"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/sts"
)

// unknown is the name of operations that are not emulated, in counters: their own names are the caller's to invent, and
// counters must not grow with them.
const unknown = "unknown"

// Takes tells Alibaba Cloud's requests from those of other clouds: they go to one of its hosts, or name their action in the
// query or in a header.
func Takes(r *http.Request) bool {
	host, _, _ := strings.Cut(r.Host, ":")
	return strings.HasSuffix(host, ".aliyuncs.com") || r.Header.Get("X-Acs-Action") != "" || r.URL.Query().Has("Action")
}

// route is the service and operation that a request is for. A refusal is set where there is none.
type route struct {
	service, operation string
	region             string
	anonymous          bool // what is sent proves who asks, and nothing is signed
	refusal            *api.Error
	key                func(api.Call) string
	handle             func(api.Call) (map[string]any, error)
}

var (
	// hostForm is the form of the services' hosts: kms.<region>, kms-vpc.<region>, sts, sts.<region>, sts-vpc.<region>.
	hostForm   = regexp.MustCompile(`^(kms|sts)(?:-vpc)?(?:\.([a-z0-9-]+))?\.aliyuncs\.com$`)
	regionForm = regexp.MustCompile(`^(cn|ap|eu|us|me|na|af)-[a-z]+(-[a-z0-9]+)*$`)
)

// route tells services apart by Version and Action. A host of Alibaba Cloud's stands for one service and region, and takes
// nothing for others; any other host (loopback) stands for all.
func (c *Cloud) route(r *http.Request, q rpc.Request) route {
	to := c.operation(q.Params["Version"], q.Params["Action"])
	if to.refusal != nil {
		return to
	}
	if r.URL.Path != "/" || r.Method != http.MethodPost && r.Method != http.MethodGet {
		return refused(to.service, http.StatusNotFound, "InvalidAction.NotFound", "Specified api is not found, please check your url and method.")
	}
	host, _, _ := strings.Cut(r.Host, ":")
	named := hostForm.FindStringSubmatch(host)
	if strings.HasSuffix(host, ".aliyuncs.com") && (len(named) == 0 || named[1] != to.service) {
		return refused(to.service, http.StatusNotFound, "InvalidAction.NotFound", "Specified api is not found, please check your url and method.")
	}
	asked := q.Params["RegionId"]
	to.region = Region
	switch {
	case len(named) > 0 && named[2] != "":
		to.region = named[2]
	case asked != "":
		to.region = asked
	}
	if !regionForm.MatchString(to.region) || asked != "" && asked != to.region {
		return refused(to.service, http.StatusNotFound, "InvalidRegionId.NotFound", "The specified RegionId does not exist.")
	}
	return to
}

func (c *Cloud) operation(version, action string) route {
	switch {
	case version == kms.Version && action == "GetSecretValue":
		return route{service: "kms", operation: action, key: c.kms.Name, handle: c.kms.GetSecretValue}
	case version == sts.Version && action == "AssumeRole":
		return route{service: "sts", operation: action, handle: c.sts.AssumeRole, key: role}
	case version == sts.Version && action == "AssumeRoleWithOIDC":
		return route{service: "sts", operation: action, handle: c.sts.AssumeRoleWithOIDC, key: role, anonymous: true}
	case version == kms.Version:
		return refused("kms", http.StatusNotFound, "InvalidAction.NotFound", "Specified api is not found, please check your url and method.")
	case version == sts.Version:
		return refused("sts", http.StatusNotFound, "InvalidAction.NotFound", "Specified api is not found, please check your url and method.")
	}
	return refused(unknown, http.StatusBadRequest, "InvalidVersion", "Specified parameter Version is not valid.")
}

func role(call api.Call) string { return call.Params["RoleArn"] }

func refused(service string, status int, code, message string) route {
	return route{service: service, operation: unknown, refusal: &api.Error{Status: status, Code: code, Message: message}}
}
