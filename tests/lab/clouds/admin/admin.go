// Package admin is the manner of the admin API: JSON in, JSON out, 400 with {"error"} for what is refused.
package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Takes makes a handler of a function that takes the decoded body and returns what to answer. Unknown
// fields are refused, so that a mistyped scope does not become "everything".
func Takes[In any](f func(In) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		decoder := json.NewDecoder(r.Body)
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&in); err != nil {
			Finish(w, nil, fmt.Errorf("the body is not the JSON that %s %s takes: %w", r.Method, r.URL.Path, err))
			return
		}
		out, err := f(in)
		Finish(w, out, err)
	}
}

// Finish answers out, or 400 with the error.
func Finish(w http.ResponseWriter, out any, err error) {
	if err != nil {
		write(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	Answer(w, out)
}

// Answer answers 200 with a value as JSON, or 204 for nil.
func Answer(w http.ResponseWriter, out any) {
	if out == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	write(w, http.StatusOK, out)
}

func write(w http.ResponseWriter, status int, out any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out) // a caller that hung up is not our trouble
}
