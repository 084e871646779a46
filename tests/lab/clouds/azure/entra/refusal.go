package entra

import (
	"fmt"
	"net/http"
	"time"
)

// Refusal is an answer that gives no token: an error of OAuth, and Entra's own number and words.
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
type Refusal struct {
	Status  int
	Code    string
	Number  int
	Message string
}

func (r *Refusal) Error() string { return fmt.Sprintf("%s: AADSTS%d: %s", r.Code, r.Number, r.Message) }

// Body is the refusal as JSON has it.
func (r *Refusal) Body(now time.Time) any {
	trace, correlation, at := NewID(), NewID(), now.UTC().Format("2006-01-02 15:04:05Z")
	return map[string]any{
		"error": r.Code,
		"error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s",
			r.Number, r.Message, trace, correlation, at),
		"error_codes": []int{r.Number}, "timestamp": at, "trace_id": trace, "correlation_id": correlation,
	}
}

func invalidClient(number int, format string, args ...any) *Refusal {
	return &Refusal{http.StatusUnauthorized, "invalid_client", number, fmt.Sprintf(format, args...)}
}

func badRequest(code string, number int, format string, args ...any) *Refusal {
	return &Refusal{http.StatusBadRequest, code, number, fmt.Sprintf(format, args...)}
}

// NoTenant refuses a tenant that does not exist.
func NoTenant(tenant string) *Refusal {
	return badRequest("invalid_tenant", 90002, "Tenant '%s' not found. Check to make sure you have the correct tenant ID "+
		"and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are "+
		"no active subscriptions for the tenant.", tenant)
}
