// Package monitoring tests what kustomize/components/monitoring gives to users: the alerts by promtool, and alerts, dashboard
// and kustomize/docs/reference.md by what a real Prometheus scrapes from both services.
package monitoring
