package awssession

import (
	"log/slog"

	"github.com/aws/smithy-go/logging"
)

// logger passes the SDK's own lines on, which it writes to stderr otherwise. Of each only the form is logged: what fills it may be an
// answer's.
func logger(log *slog.Logger) logging.Logger {
	if log == nil {
		return logging.Nop{}
	}
	return logging.LoggerFunc(func(kind logging.Classification, form string, _ ...any) {
		log.Debug("Message of the AWS SDK, without its values", "kind", string(kind), "form", form)
	})
}
