package lab

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds"
	"github.com/secretgate/secretgate/tests/lab/clouds/authority"
)

// region is the one that AWS is asked in unless an object says otherwise: KES's own default.
const region = "us-west-2"

// startClouds serves the emulated clouds from this process.
func (l *Lab) startClouds(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if l.authority, err = authority.New(); err != nil {
		return err
	}
	if l.CloudsCA, err = l.writeState("clouds-ca.pem", l.authority.PEM()); err != nil {
		return err
	}
	l.Clouds = clouds.New(clouds.Options{})
	server := &http.Server{Handler: l.Clouds, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	l.onStop(func() { _ = server.Close() })

	user := l.Clouds.AWS().LabUser()
	l.CloudsURL = "http://" + listener.Addr().String()
	l.AWSEndpoint, l.AWSRegion = l.CloudsURL, region
	l.AWSAccessKeyID, l.AWSSecretAccessKey = user.AccessKeyID, user.SecretAccessKey
	return errors.Join(l.startGoogle(ctx), l.startGateway(ctx))
}
