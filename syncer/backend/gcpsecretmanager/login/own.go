package login

import (
	"context"
	"os"
	"path/filepath"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/compute/metadata"
)

// own are the syncer's credentials, looked for where Google's libraries look. A service account's key signs its own tokens; no call is made
// for them.
func (l *Logins) own(ctx context.Context) (*held, error) {
	if !namesFile() && !metadata.NewWithOptions(&metadata.Options{Logger: silent, UseDefaultClient: true}).OnGCEWithContext(ctx) {
		// Not left to the SDK, which never looks again: a pod on GKE may be up some seconds before its metadata server.
		return nil, ErrNoCredentials
	}
	found, err := credentials.DetectDefault(options(l.config))
	if err != nil {
		return nil, err
	}
	return &held{Credentials: found, payer: payerOf(found), asked: func() string { return "" }}, nil
}

func options(c Config) *credentials.DetectOptions {
	return &credentials.DetectOptions{Scopes: []string{scope}, UseSelfSignedJWT: true, Client: c.Client, Logger: silent}
}

// payerOf is the project that credentials or the environment name.
func payerOf(found *auth.Credentials) func(context.Context) string {
	return func(ctx context.Context) string {
		project, err := found.QuotaProjectID(ctx)
		if err != nil {
			return ""
		}
		return project
	}
}

// namesFile reports whether credentials are in a file, where the SDK looks before it asks the metadata server.
func namesFile() bool {
	if os.Getenv("GOOGLE_APPLICATION_CREDENTIALS") != "" {
		return true
	}
	home, _ := os.UserHomeDir()
	_, err := os.Stat(filepath.Join(home, ".config", "gcloud", "application_default_credentials.json"))
	return err == nil
}
