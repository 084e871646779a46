package google

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/api"
	"github.com/secretgate/secretgate/tests/lab/clouds/google/secretmanager"
)

// The protocol: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md. It is written out here, since faults need
// what a gRPC library would keep to itself.
const (
	grpcType   = "application/grpc"
	accessPath = "/google.cloud.secretmanager.v1.SecretManagerService/AccessSecretVersion"
	listPath   = "/google.cloud.secretmanager.v1.SecretManagerService/ListSecrets"
	prefixSize = 5 // one byte for compression, four for the length
	maxRequest = 1 << 20
)

// method is one that is emulated: by which keys faults may be scoped, and what answers it.
type method struct {
	keys   []string
	answer func(api.Call) (proto.Message, error)
}

// understand reads the request of a call.
func (c *Cloud) understand(r *http.Request) (method, *api.Error) {
	switch r.URL.Path {
	case accessPath:
		in := &secretmanagerpb.AccessSecretVersionRequest{}
		refusal := decode(r, in)
		return method{secretmanager.Keys(in), func(call api.Call) (proto.Message, error) { return c.secrets.Access(call, in) }}, refusal
	case listPath:
		in := &secretmanagerpb.ListSecretsRequest{}
		refusal := decode(r, in)
		return method{[]string{in.GetParent()}, func(call api.Call) (proto.Message, error) { return c.secrets.List(call, in) }}, refusal
	}
	return method{}, api.Errorf(code.Code_UNIMPLEMENTED, "The method %s is not emulated.", r.URL.Path)
}

func (c *Cloud) serveGRPC(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor < 2 || r.TLS == nil {
		http.Error(w, "gRPC is spoken by HTTP/2 over TLS", http.StatusHTTPVersionNotSupported)
		return
	}
	now := c.clock()
	asked, refusal := c.understand(r)
	caller, unproved := c.identities.Authenticate(r.Header.Get("Authorization"), Audience, now)
	if unproved != nil {
		refusal = unproved
	}
	_, operation, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if asked.answer == nil {
		operation = "Unknown"
	}
	at := call{service: "secretmanager", operation: operation, identity: caller.Email, keys: asked.keys}
	failure, gone := c.strike(r.Context(), at)
	switch {
	case gone:
		c.cut(at, "CallerGone")
	case failure != nil && failure.Kind == fault.Cut:
		c.cut(at, "ConnectionCut")
	case failure != nil && failure.Kind == fault.Garbage:
		c.count(at, "Garbage")
		page(w)
		return
	case failure != nil:
		refusal = injected(*failure)
	case refusal == nil:
		answer, err := asked.answer(api.Call{Caller: caller, Now: now})
		if err == nil {
			c.count(at, "OK")
			send(w, answer)
			return
		}
		if !errors.As(err, &refusal) {
			refusal = api.Errorf(code.Code_INTERNAL, "Internal error encountered.")
		}
	}
	c.count(at, refusal.Code.String())
	refuse(w, refusal)
}

// decode reads the one message of a call.
func decode(r *http.Request, in proto.Message) *api.Error {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	if err != nil || len(body) < prefixSize || body[0] != 0 || int64(binary.BigEndian.Uint32(body[1:])) != int64(len(body)-prefixSize) {
		return api.Errorf(code.Code_INTERNAL, "The request is not one uncompressed message.")
	}
	if err := proto.Unmarshal(body[prefixSize:], in); err != nil {
		return api.Errorf(code.Code_INTERNAL, "The request is no message of this method.")
	}
	return nil
}

func send(w http.ResponseWriter, answer proto.Message) {
	message, err := proto.Marshal(answer)
	if err != nil || len(message) > math.MaxInt32 {
		refuse(w, api.Errorf(code.Code_INTERNAL, "Internal error encountered."))
		return
	}
	w.Header().Set("Content-Type", grpcType)
	w.Header().Set("Trailer", "Grpc-Status")
	frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))
	_, _ = w.Write(append(frame, message...)) // a caller that hung up is not our trouble
	w.Header().Set("Grpc-Status", "0")
}

// refuse answers with headers alone, which gRPC calls Trailers-Only.
func refuse(w http.ResponseWriter, e *api.Error) {
	h := w.Header()
	h.Set("Content-Type", grpcType)
	h.Set("Grpc-Status", strconv.Itoa(int(e.Code)))
	h.Set("Grpc-Message", strings.ReplaceAll(url.QueryEscape(e.Message), "+", "%20"))
	detailed := &status.Status{Code: int32(e.Code), Message: e.Message}
	for _, detail := range e.Details {
		if wrapped, err := anypb.New(detail); err == nil {
			detailed.Details = append(detailed.Details, wrapped)
		}
	}
	if text, err := proto.Marshal(detailed); err == nil && len(e.Details) > 0 {
		h.Set("Grpc-Status-Details-Bin", base64.StdEncoding.EncodeToString(text))
	}
	w.WriteHeader(http.StatusOK)
}

// injected words a fault as Secret Manager does.
func injected(f fault.Fault) *api.Error {
	var e *api.Error
	switch f.Kind {
	case fault.Throttle:
		e = api.Refuse(code.Code_RESOURCE_EXHAUSTED, "RATE_LIMIT_EXCEEDED", "Quota exceeded for quota metric 'Access requests' and limit "+
			"'Access requests per minute' of service 'secretmanager.googleapis.com' for consumer 'project_number:%s'.", LabProjectNumber)
	case fault.Outage:
		e = api.Errorf(code.Code_UNAVAILABLE, "The service is currently unavailable.")
	default:
		known, ok := code.Code_value[f.Code]
		if !ok {
			known = int32(code.Code_UNKNOWN)
		}
		e = api.Errorf(code.Code(known), "%s", f.Message)
	}
	if f.Message != "" {
		e.Message = f.Message
	}
	if f.RetryAfter > 0 {
		e.Details = append(e.Details, &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Duration(f.RetryAfter))})
	}
	return e
}
