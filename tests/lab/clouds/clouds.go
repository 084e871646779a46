// Package clouds emulates the secret managers of the public clouds on loopback, as their own SDKs speak
// to them, and refuses what they refuse. One folder per cloud stands over a small shared core (counter,
// fault, permission, admin). README.md tells the admin API for outside programs.
package clouds

import (
	"net/http"
	"strings"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
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
	admin    *http.ServeMux
}

// New returns a Server with each cloud's seed identities and no secrets.
func New(o Options) *Server {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	s := &Server{}
	s.aws = aws.New(o.Clock, &s.faults, &s.counters)
	s.admin = s.adminAPI()
	return s
}

// AWS returns the emulated AWS.
func (s *Server) AWS() *aws.Cloud { return s.aws }

// Faults returns the faults in force, to add to and clear.
func (s *Server) Faults() *fault.Set { return &s.faults }

// Counters returns the counts of calls, to read and reset.
func (s *Server) Counters() *counter.Set { return &s.counters }

// ServeHTTP serves the admin API under /_admin/, and AWS everywhere else.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_admin/") {
		s.admin.ServeHTTP(w, r)
		return
	}
	s.aws.ServeHTTP(w, r)
}
