package clouds_test

import (
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// BenchmarkGetSecretValue is the ceiling that the emulator sets, SDK included: in process, and over loopback
// with connections that stay open.
func BenchmarkGetSecretValue(b *testing.B) {
	s, url := serve(b)
	transport := &http.Transport{MaxIdleConnsPerHost: 1000}
	b.Cleanup(transport.CloseIdleConnections)
	for name, through := range map[string]secretsmanager.HTTPClient{
		"in process":    direct{s},
		"over loopback": &http.Client{Transport: transport},
	} {
		b.Run(name, func(b *testing.B) {
			c := client(s, url, func(o *secretsmanager.Options) { o.HTTPClient = through })
			b.SetParallelism(100)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := get(c, "dev/a"); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
