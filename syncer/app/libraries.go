package app

import (
	"io"
	"log"
	"log/slog"

	azure "github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"google.golang.org/grpc/grpclog"
)

// redirectLibraries has those that write to stderr by themselves do so by our log, at debug and without their texts, which may be
// a backend's: net/http quotes what comes after an answer, gRPC what it cannot read. Azure's writes requests where
// AZURE_SDK_GO_LOGGING asks for it, and is kept from that.
func redirectLibraries(ours *slog.Logger) {
	azure.SetListener(nil)
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, withoutText{ours, "gRPC"}))
	log.SetFlags(0)
	log.SetOutput(withoutText{ours, "Go's own log"})
}

// withoutText logs that a library wrote something, and not what.
type withoutText struct {
	log     *slog.Logger
	library string
}

// Write implements io.Writer.
func (u withoutText) Write(text []byte) (int, error) {
	u.log.Debug("Left out a library's log line, which may quote a backend", "library", u.library, "bytes", len(text))
	return len(text), nil
}
