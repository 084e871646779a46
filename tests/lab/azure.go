package lab

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/secretgate/secretgate/tests/lab/clouds/azure"
	"github.com/secretgate/secretgate/tests/lab/clouds/gateway"
)

// startGateway leads the host names of Azure to the emulated clouds. A Key Vault goes by a name of its own, and no setting
// of the product replaces it.
func (l *Lab) startGateway(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: &gateway.Gateway{
			Authority: l.authority, Hosts: azure.Hosts(), Upstream: strings.TrimPrefix(l.CloudsURL, "http://"),
		},
		ReadHeaderTimeout: 10 * time.Second,
	}
	go func() { _ = server.Serve(listener) }()
	l.onStop(func() { _ = server.Close() })
	l.CloudsProxy = "http://" + listener.Addr().String()
	return nil
}

// azureEnv leads a syncer to the emulated Azure, as its application. The proxy has no part in what is on this machine, all
// else of the lab: loopback addresses never go through one.
func (l *Lab) azureEnv() []string {
	app := l.Clouds.Azure().LabApp()
	return []string{
		"HTTPS_PROXY=" + l.CloudsProxy,
		"AZURE_TENANT_ID=" + app.Tenant, "AZURE_CLIENT_ID=" + app.ClientID, "AZURE_CLIENT_SECRET=" + app.Secret,
	}
}
