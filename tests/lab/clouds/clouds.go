// Package clouds emulates the secret managers of the public clouds on loopback, as their own SDKs speak
// to them, and refuses what they refuse. One folder per cloud stands over a small shared core (counter,
// fault, permission, admin). README.md tells the admin API for outside programs.
package clouds

import (
	"net/http"
	"strings"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	"github.com/secretgate/secretgate/tests/lab/clouds/azure"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
	"github.com/secretgate/secretgate/tests/lab/clouds/google"
)

// Options of a Server. The zero value is fine.
type Options struct {
	// Clock tells the time that signatures, sessions and deletions are judged by; nil means time.Now.
	Clock func() time.Time
}

// Server is all emulated clouds at one URL. It is an http.Handler and safe for concurrent use. It keeps
// everything in memory and logs nothing.
type Server struct {
	faults   fault.Set
	counters counter.Set
	aws      *aws.Cloud
	alicloud *alicloud.Cloud
	azure    *azure.Cloud
	google   *google.Cloud
	admin    *http.ServeMux
}

// New returns a Server with each cloud's seed identities and no secrets.
func New(o Options) *Server {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	s := &Server{}
	s.aws = aws.New(o.Clock, &s.faults, &s.counters)
	s.azure = azure.New(o.Clock, &s.faults, &s.counters)
	s.alicloud = alicloud.New(o.Clock, &s.faults, &s.counters)
	s.google = google.New(o.Clock, &s.faults, &s.counters)
	s.admin = s.adminAPI()
	return s
}

// AWS returns the emulated AWS.
func (s *Server) AWS() *aws.Cloud { return s.aws }

// Azure returns the emulated Azure.
func (s *Server) Azure() *azure.Cloud { return s.azure }

// Alicloud returns the emulated Alibaba Cloud.
func (s *Server) Alicloud() *alicloud.Cloud { return s.alicloud }

// Google returns the emulated Google Cloud.
func (s *Server) Google() *google.Cloud { return s.google }

// Faults returns the faults in force, to add to and clear.
func (s *Server) Faults() *fault.Set { return &s.faults }

// Counters returns the counts of calls, to read and reset.
func (s *Server) Counters() *counter.Set { return &s.counters }

// ServeHTTP serves the admin API under /_admin/, each cloud by what its requests have to themselves, and AWS everywhere else.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_admin/") {
		s.admin.ServeHTTP(w, r)
		return
	}
	if google.Serves(r) {
		s.google.ServeHTTP(w, r)
		return
	}
	if azure.Serves(r) {
		s.azure.ServeHTTP(w, r)
		return
	}
	if alicloud.Takes(r) {
		s.alicloud.ServeHTTP(w, r)
		return
	}
	s.aws.ServeHTTP(w, r)
}
