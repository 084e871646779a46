package eso

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/backend"
	v1 "github.com/secretgate/secretgate/shared/dialect/eso/v1"
	"github.com/secretgate/secretgate/shared/plan"
)

const annotationGCPAccount = "iam.gke.io/gcp-service-account"

// gcp is Google Secret Manager.
func (b *builder) gcp(at *field.Path, r reading, p *v1.GCPSMProvider) (*source, plan.Places) {
	of, _ := backend.Of(backend.GCPSecretManager)
	s := &source{syntax: plan.GJSON, backend: of, read: gcpRead, find: gcpFind}
	projectAt := at.Child("projectID")
	project, fallback := p.ProjectID, false
	identity := p.Auth.WorkloadIdentity
	if project == "" && identity != nil && identity.ClusterProjectID != "" {
		project, projectAt = identity.ClusterProjectID, at.Child("auth", "workloadIdentity", "clusterProjectID")
	}
	if project == "" && b.installation.Defaults.Project != "" {
		project, fallback = b.installation.Defaults.Project, true
	}
	s.store = plan.Store{Backend: of.Name, Container: project, Location: p.Location}
	places := plan.Places{
		plan.Container: {Field: projectAt.String(), Default: fallback}, plan.Location: {Field: at.Child("location").String()},
	}
	if p.SecretVersionSelectionPolicy != "" && p.SecretVersionSelectionPolicy != "LatestOrFail" {
		b.unserved(at.Child("secretVersionSelectionPolicy"), "must be LatestOrFail: another version than the latest is never taken for it")
	}
	authAt := at.Child("auth")
	if project == "" && (p.Auth.SecretRef != nil || identity != nil) {
		b.Fail(field.Required(projectAt, "the project, as that of the syncer's own credentials is another"))
	}
	switch auth := &p.Auth; {
	case auth.SecretRef != nil:
		s.store.Credential = b.secret(authAt.Child("secretRef", "secretAccessKeySecretRef"), r, auth.SecretRef.SecretAccessKey, "")
	case identity != nil:
		b.gcpAccount(authAt.Child("workloadIdentity"), r, identity, s, places)
	case auth.WorkloadIdentityFederation != nil:
		b.unserved(authAt.Child("workloadIdentityFederation"), "is not served: write workloadIdentity or secretRef")
	default:
		b.ownIdentity(authAt, r, "set secretRef or workloadIdentity")
	}
	return s, places
}

// gcpAccount is a ServiceAccount of a cluster of Google's.
func (b *builder) gcpAccount(at *field.Path, r reading, w *v1.GCPWorkloadIdentity, s *source, places plan.Places) {
	accountAt := at.Child("serviceAccountRef")
	project := cmp.Or(w.ClusterProjectID, s.store.Container)
	for _, required := range []struct{ name, value string }{
		{"clusterLocation", w.ClusterLocation}, {"clusterName", w.ClusterName}, {"clusterProjectID", project},
	} {
		if required.value == "" {
			b.Fail(field.Required(at.Child(required.name), "the syncer does not ask the metadata server for it"))
		}
		b.Canonical(at.Child(required.name), required.value, plan.Path)
	}
	account := b.account(accountAt, r, w.ServiceAccountRef)
	account.Audiences = plan.ListOf(append([]string{project + ".svc.id.goog"}, w.ServiceAccountRef.Audiences...)...)
	s.store.Method, s.store.Credential = "WorkloadIdentity", account
	s.store.Mount = fmt.Sprintf("https://container.googleapis.com/v1/projects/%s/locations/%s/clusters/%s",
		project, w.ClusterLocation, w.ClusterName)
	places[plan.Role] = plan.Place{Field: accountAt.String()}
	places[plan.Account] = plan.Place{Field: accountAt.Child("name").String()}
	if s.store.Role = b.annotation(accountAt, account, annotationGCPAccount); s.store.Role != "" {
		s.store.Login.RoleFrom = plan.Credential{
			Kind: plan.AnnotationCredential, Namespace: account.Namespace, Name: account.Name, Key: annotationGCPAccount,
		}
	}
}

func gcpRead(b *builder, at *field.Path, ref *v1.RemoteRef) plan.Read {
	of, _ := backend.Of(backend.GCPSecretManager)
	b.Canonical(at.Child("version"), ref.Version, plan.Identifier)
	return of.Read(plan.Read{Key: ref.Key, Version: ref.Version})
}

// gcpFind is all secrets whose names begin with a path, or with some labels.
func gcpFind(b *builder, at *field.Path, find *v1.Find) (plan.Read, bool) {
	of, _ := backend.Of(backend.GCPSecretManager)
	read := plan.Read{Path: true, Recursive: true}
	if find.Path != nil {
		read.Key = *find.Path
	}
	b.Canonical(at.Child("path"), read.Key, plan.Identifier)
	read = of.Read(read)
	read.Tags = b.tags(at.Child("tags"), find.Tags)
	return read, true
}
