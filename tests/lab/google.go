package lab

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/google"
)

// startGoogle serves the emulated clouds by HTTP/2 over TLS, too, since Google's Secret Manager is gRPC, and makes a key file
// for the syncer.
func (l *Lab) startGoogle(ctx context.Context) error {
	certificate, err := l.authority.Issue("127.0.0.1")
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: l.Clouds, ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*certificate}},
	}
	go func() { _ = server.ServeTLS(listener, "", "") }()
	l.onStop(func() { _ = server.Close() })
	l.GCPEndpoint = listener.Addr().String()

	key, err := l.Clouds.Google().IAM().NewKey(google.LabAccount, l.CloudsURL+google.TokenPath)
	if err != nil {
		return err
	}
	l.GoogleCredentials, err = l.writeState("google-key.json", key)
	return err
}
