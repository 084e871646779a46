package lab

import (
	"crypto/rand"
	"fmt"
	"net"
	"slices"
	"strings"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Cluster makes the lab the control plane of a cluster with nodes, which tests/node adds. Then all controllers run, and
// Secretgate is not installed: its users do that.
type Cluster struct {
	// Addresses are what pods reach the API server by; its certificate names them.
	Addresses []net.IP
	// Users are the parts of the nodes, and the group of each.
	Users map[string]string
}

// UserKubeconfig writes a kubeconfig that acts as one of Cluster.Users.
func (l *Lab) UserKubeconfig(user string) (string, error) {
	token, ok := l.userTokens[user]
	if !ok {
		return "", fmt.Errorf("the API server knows no user %s: add it to Options.Cluster", user)
	}
	path := l.stateFile(strings.ReplaceAll(user, ":", "-") + ".kubeconfig")
	return path, l.writeKubeconfig(path, &clientcmdapi.AuthInfo{Token: token}, "default")
}

// addresses are all that the API server's certificate names.
func (l *Lab) addresses() []net.IP {
	addresses := []net.IP{net.IPv4(127, 0, 0, 1)}
	if l.options.Cluster != nil {
		addresses = append(addresses, l.options.Cluster.Addresses...)
	}
	return addresses
}

// tokens makes a token for the admin and each user, and is the file that tells the API server.
func (l *Lab) tokens() []byte {
	l.adminToken = rand.Text()
	lines := []string{l.adminToken + `,admin,admin,"system:masters"` + "\n"}
	if l.options.Cluster != nil {
		l.userTokens = map[string]string{}
		for user, group := range l.options.Cluster.Users {
			l.userTokens[user] = rand.Text()
			lines = append(lines, fmt.Sprintf("%s,%s,%s,%q\n", l.userTokens[user], user, user, group))
		}
	}
	return []byte(strings.Join(slices.Sorted(slices.Values(lines)), ""))
}

// controllers are the ones that other parts rely on: namespaces end, garbage is collected, ServiceAccounts and the CA's
// ConfigMap appear, ClusterRoles aggregate. Without nodes, none that deals with pods.
func (l *Lab) controllers() string {
	if l.options.Cluster != nil {
		return "*"
	}
	return "namespace-controller,garbage-collector-controller,serviceaccount-controller," +
		"serviceaccount-token-controller,root-ca-certificate-publisher-controller,clusterrole-aggregation-controller"
}
