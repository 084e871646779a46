package aws

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/api"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/sts"
)

// unknown is the name of operations that are not emulated, in counters: their own names are the caller's
// to invent, and counters must not grow with them.
const unknown = "unknown"

// jsonService is one that is called by X-Amz-Target.
type jsonService interface {
	Has(operation string) bool
	Keys(call api.Call, body []byte) []string
	Handle(call api.Call, operation string, body []byte) (any, error)
}

// route is the service and operation that a request is for.
type route struct {
	service, operation string
	protocol           *protocol
	// anonymous operations take no signature.
	anonymous bool
	// refusal is set when no service takes the request; the rest of the fields below is then empty.
	refusal *api.Error
	keys    func(api.Call) []string
	handle  func(api.Call) (any, error)
}

// route tells services apart by the X-Amz-Target header and the form's Action. The signature's scope
// must name the same service, which sigv4 checks.
func (c *Cloud) route(r *http.Request, body []byte) route {
	if r.Method != http.MethodPost || r.URL.Path != "/" {
		return refused(unknown, c.json, http.StatusNotFound, "This URL and method are of no operation: services are called by POST to /.")
	}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		return c.routeTarget(target, r.Header.Get("Content-Type"), body)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("Action") == "" {
		return refused(unknown, c.json, http.StatusNotFound, "The request has neither an X-Amz-Target header nor a form with an Action.")
	}
	return c.routeAction(form)
}

// routeTarget routes AWS JSON services.
func (c *Cloud) routeTarget(target, contentType string, body []byte) route {
	prefix, name, _ := strings.Cut(target, ".")
	service, to := unknown, jsonService(nil)
	switch prefix {
	case "secretsmanager":
		service, to = "secretsmanager", c.secretsManager
	case "AmazonSSM":
		service, to = "ssm", c.parameterStore
	}
	if to == nil || !to.Has(name) {
		return refused(service, c.json, 0, "The operation of X-Amz-Target is not emulated.")
	}
	if contentType != c.json.contentType {
		return refused(service, c.json, 0, "The Content-Type must be "+c.json.contentType+".")
	}
	return route{
		service: service, operation: name, protocol: c.json,
		keys:   func(call api.Call) []string { return to.Keys(call, body) },
		handle: func(call api.Call) (any, error) { return to.Handle(call, name, body) },
	}
}

// routeAction routes AWS query services.
func (c *Cloud) routeAction(form url.Values) route {
	name := form.Get("Action")
	if !c.sts.Has(name) || form.Get("Version") != "2011-06-15" {
		return refused("sts", c.query, 0, "Could not find operation "+name+" for version "+form.Get("Version"))
	}
	return route{
		service: "sts", operation: name, protocol: c.query, anonymous: sts.Anonymous(name),
		keys:   func(api.Call) []string { return form["RoleArn"] },
		handle: func(call api.Call) (any, error) { return c.sts.Handle(call, name, form) },
	}
}

func refused(service string, p *protocol, status int, message string) route {
	e := p.refuse(unknownOperation, message)
	e.Status = status
	return route{service: service, operation: unknown, protocol: p, refusal: e}
}
