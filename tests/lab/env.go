package lab

import (
	"path/filepath"
	"regexp"
	"strings"
)

// Variable is one line of the env file.
type Variable struct{ Name, Value string }

// Env lists what programs outside of the lab need to use it. Addresses are host:port.
func (l *Lab) Env() []Variable {
	variables := []Variable{
		{"KUBECONFIG", l.Kubeconfig},
		{"LAB_BIN", l.Bin},
		{"LAB_LOGS", filepath.Join(l.Dir, "log")},
		{"VAULT_ADDR", l.VaultAddr},
		{"VAULT_TOKEN", l.VaultToken},
		{"VAULT_JWT_PATH", l.VaultJWTPath},
		{"CLOUDS_URL", l.CloudsURL},
		{"AWS_ENDPOINT", l.AWSEndpoint},
		{"AWS_REGION", l.AWSRegion},
		{"AWS_ACCESS_KEY_ID", l.AWSAccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", l.AWSSecretAccessKey},
		{"CLOUDS_CA", l.CloudsCA},
		{"CLOUDS_PROXY", l.CloudsProxy},
		{"AZURE_TENANT_ID", l.Clouds.Azure().LabApp().Tenant},
		{"AZURE_CLIENT_ID", l.Clouds.Azure().LabApp().ClientID},
		{"AZURE_CLIENT_SECRET", l.Clouds.Azure().LabApp().Secret},
		{"GCP_ENDPOINT", l.GCPEndpoint},
		{"GOOGLE_APPLICATION_CREDENTIALS", l.GoogleCredentials},
		{"ALICLOUD_ENDPOINT", l.CloudsURL},
		{"ALICLOUD_STS_ENDPOINT", l.CloudsURL},
		{"ALICLOUD_ACCESS_KEY_ID", l.Clouds.Alicloud().LabUser().AccessKeyID},
		{"ALICLOUD_ACCESS_KEY_SECRET", l.Clouds.Alicloud().LabUser().AccessKeySecret},
		{"SYNCER_KUBECONFIG", l.SyncerKubeconfig},
		{"WEBHOOK_KUBECONFIG", l.WebhookKubeconfig},
	}
	if l.Syncer != nil {
		variables = append(variables,
			Variable{"SYNCER_METRICS_ADDRESS", l.Syncer.MetricsAddress},
			Variable{"SYNCER_HEALTH_ADDRESS", l.Syncer.HealthAddress})
	}
	if l.Webhook != nil {
		variables = append(variables,
			Variable{"WEBHOOK_METRICS_ADDRESS", l.Webhook.MetricsAddress},
			Variable{"WEBHOOK_HEALTH_ADDRESS", l.Webhook.HealthAddress},
			Variable{"WEBHOOK_ADDRESS", l.WebhookBalancer.Addr()})
	}
	return variables
}

// WriteEnv writes the env file.
func (l *Lab) WriteEnv() error { return WriteVariables(filepath.Join(l.Dir, "env"), l.Env()) }

// WriteVariables writes shell assignments for `set -a; . FILE`, for the owner's eyes only.
func WriteVariables(file string, variables []Variable) error {
	return writePrivate(file, []byte(assignments(variables)))
}

func assignments(variables []Variable) string {
	var text strings.Builder
	for _, v := range variables {
		text.WriteString(v.Name + "=" + quote(v.Value) + "\n")
	}
	return text.String()
}

// quote makes one word of a POSIX shell out of any text. Plain words stay as they are, for readers that are no shell.
func quote(value string) string {
	if regexp.MustCompile(`^[A-Za-z0-9_./:@%+=-]+$`).MatchString(value) {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}
