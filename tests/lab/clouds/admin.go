package clouds

import (
	"net/http"

	"github.com/secretgate/secretgate/tests/lab/clouds/admin"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
)

// adminAPI routes what all clouds share, and each cloud's own part.
func (s *Server) adminAPI() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_admin/healthz", func(w http.ResponseWriter, _ *http.Request) { admin.Answer(w, "ok") })
	mux.HandleFunc("GET /_admin/counters", func(w http.ResponseWriter, _ *http.Request) { admin.Answer(w, s.counters.All()) })
	mux.HandleFunc("DELETE /_admin/counters", func(w http.ResponseWriter, _ *http.Request) {
		s.counters.Reset()
		admin.Answer(w, nil)
	})
	mux.HandleFunc("GET /_admin/faults", func(w http.ResponseWriter, _ *http.Request) { admin.Answer(w, s.faults.List()) })
	mux.HandleFunc("POST /_admin/faults", admin.Takes(func(f fault.Fault) (any, error) {
		id, err := s.faults.Add(f)
		return map[string]string{"id": id}, err
	}))
	mux.HandleFunc("DELETE /_admin/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.faults.Clear()
		admin.Answer(w, nil)
	})
	mux.HandleFunc("DELETE /_admin/faults/{id}", func(w http.ResponseWriter, r *http.Request) {
		admin.Finish(w, nil, s.faults.Remove(r.PathValue("id")))
	})
	s.aws.Admin(mux, "/_admin/aws")
	s.alicloud.Admin(mux, "/_admin/alicloud")
	s.azure.Admin(mux, "/_admin/azure")
	s.google.Admin(mux, "/_admin/google")
	return mux
}
