package gcpsecretmanager

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"k8s.io/utils/lru"
)

// maxAnswer, maxHeader and maxToken bound what is read of an answer, in bytes: Google's largest payload has 64 KiB. maxToken is
// for those that hand out tokens.
const (
	maxAnswer = 8 << 20
	maxHeader = 256 << 10
	maxToken  = 1 << 20
)

// maxConnections bounds how many are kept: one for each region, of which tenants name any.
const maxConnections = 100

// target is the host:port of an endpoint that a setting names, or nothing for none.
func target(setting, endpoint string) (string, error) {
	if endpoint == "" {
		return "", nil
	}
	endpoint = strings.TrimSuffix(strings.TrimPrefix(endpoint, "https://"), "/")
	if !strings.Contains(strings.TrimSuffix(endpoint, "]"), ":") || strings.HasSuffix(endpoint, "]") {
		endpoint += ":443"
	}
	host, port, err := net.SplitHostPort(endpoint)
	if err != nil || host == "" || port == "" || strings.ContainsAny(endpoint, "/?#@") {
		// Not its text, which may hold a password.
		return "", fmt.Errorf("%s must be host, host:port or https://host:port: it is spoken to over TLS", setting)
	}
	return endpoint, nil
}

// connect returns the connection to a host, which is opened by its first call, and again by the first after it broke. Google's
// generated client is not in between: it would repeat calls, look for client certificates, and log whole answers where
// GOOGLE_SDK_GO_LOGGING_LEVEL asks for it.
func (d *Driver) connect(target string) (*grpc.ClientConn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	known, _ := d.connections.Get(target)
	if connection, ok := known.(*grpc.ClientConn); ok {
		return connection, nil
	}
	// Names are looked up by each attempt to connect: gRPC's own resolver would wait for minutes after an outage of DNS.
	made, err := grpc.NewClient("passthrough:///"+target,
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: d.roots})),
		grpc.WithDisableRetry(), grpc.WithDisableServiceConfig(), // the caller retries
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)), grpc.WithMaxHeaderListSize(maxHeader),
		// After an outage, reads fail for no longer than this.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
		// A connection that went silent is given up after Timeout, not after the kernel's quarter of an hour. No call lasts
		// so long that a ping is sent.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: time.Minute, Timeout: 20 * time.Second}),
	)
	if err != nil {
		return nil, err
	}
	d.connections.Add(target, made)
	return made, nil
}

// hangUp closes a connection that was not used for the longest time. A call that is still made there fails, and is tried again.
func hangUp(_ lru.Key, held any) {
	if connection, ok := held.(*grpc.ClientConn); ok {
		_ = connection.Close()
	}
}

// bearer is a token as each call carries it, and never over a connection without TLS.
type bearer map[string]string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return b, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials.
func (bearer) RequireTransportSecurity() bool { return true }
