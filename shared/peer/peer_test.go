package peer_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/secretgate/secretgate/shared/peer"
)

const (
	webhook = "of-the-webhook"
	syncer  = "of-the-syncer"
)

// cluster has both ConfigMaps, and refuses an update of a version that is not the latest, as the API server does.
type cluster struct {
	mu      sync.Mutex
	maps    map[string]*corev1.ConfigMap
	version int
	reads   int
	refuse  error                   // for each request
	slow    time.Duration           // how long a read takes
	before  func(*corev1.ConfigMap) // of the next update: what another process writes meanwhile
}

func newCluster() *cluster {
	c := &cluster{maps: map[string]*corev1.ConfigMap{}}
	for _, name := range []string{webhook, syncer} {
		c.maps[name] = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, ResourceVersion: "0"}}
	}
	return c
}

var configMaps = schema.GroupResource{Resource: "configmaps"}

func (c *cluster) Get(_ context.Context, name string, _ metav1.GetOptions) (*corev1.ConfigMap, error) {
	<-time.After(c.slow)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	found := c.maps[name]
	switch {
	case c.refuse != nil:
		return nil, c.refuse
	case found == nil:
		return nil, apierrors.NewNotFound(configMaps, name)
	}
	return found.DeepCopy(), nil
}

func (c *cluster) Update(_ context.Context, updated *corev1.ConfigMap, _ metav1.UpdateOptions) (*corev1.ConfigMap, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse != nil {
		return nil, c.refuse
	}
	if c.before != nil {
		c.before(c.maps[updated.Name])
		c.before = nil
		c.bump(c.maps[updated.Name])
	}
	if updated.ResourceVersion != c.maps[updated.Name].ResourceVersion {
		return nil, apierrors.NewConflict(configMaps, updated.Name, nil)
	}
	c.maps[updated.Name] = updated.DeepCopy()
	c.bump(c.maps[updated.Name])
	return updated, nil
}

func (c *cluster) bump(of *corev1.ConfigMap) {
	c.version++
	of.ResourceVersion = strconv.Itoa(c.version)
}

func (c *cluster) set(name string, data map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.maps[name].Data = data
	c.bump(c.maps[name])
}

func (c *cluster) size(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.maps[name].Data)
}

func (c *cluster) peer(own, other string) *peer.Peer {
	return &peer.Peer{ConfigMaps: c, Own: own, Other: other}
}

// started is a peer that has published its certificate.
func (c *cluster) started(t *testing.T, own, other string) *peer.Peer {
	t.Helper()
	p := c.peer(own, other)
	refresh(t, p)
	return p
}

func refresh(t *testing.T, p *peer.Peer) {
	t.Helper()
	if err := p.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// ask has a client send a byte and a server return it, over a connection of loopback, and returns what went wrong at either.
func ask(t *testing.T, client, server *tls.Config) error {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		return err
	}
	answered := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			answered <- echo(conn)
			return
		}
		answered <- err
	}()
	conn, err := (&tls.Dialer{Config: client}).DialContext(t.Context(), "tcp", listener.Addr().String())
	if err == nil {
		_, err = conn.Write([]byte{1})
	}
	if err == nil {
		_, err = conn.Read(make([]byte, 1))
	}
	if conn != nil {
		_ = conn.Close()
	}
	theirs := <-answered
	_ = listener.Close()
	if theirs != nil {
		return fmt.Errorf("the server: %w (the client: %v)", theirs, err) //nolint:errorlint // one of both is enough
	}
	return err
}

// trusting is a client that takes any server, as an attacker's does.
func trusting(client *tls.Config) *tls.Config {
	client.VerifyConnection = nil
	return client
}

func echo(conn net.Conn) error {
	defer func() { _ = conn.Close() }()
	one := make([]byte, 1)
	_, err := conn.Read(one)
	if err == nil {
		_, err = conn.Write(one)
	}
	return err
}

func TestServicesProveToEachOtherWhoTheyAre(t *testing.T) {
	c := newCluster()
	asking, answering := c.started(t, webhook, syncer), c.started(t, syncer, webhook)
	elsewhere := newCluster().started(t, webhook, syncer)
	for name, test := range map[string]struct {
		client, server *tls.Config
		want           string // empty: they speak
	}{
		"both have published their certificates": {asking.Client(), answering.Server(), ""},
		"the client shows no certificate":        {&tls.Config{InsecureSkipVerify: true}, answering.Server(), "didn't provide a certificate"},
		"the client's was published elsewhere":   {trusting(elsewhere.Client()), answering.Server(), "has not published"},
		"the client is a server's":               {trusting(c.started(t, syncer, webhook).Client()), answering.Server(), "has not published"},
		"the server's was published elsewhere":   {asking.Client(), newCluster().started(t, syncer, webhook).Server(), "has not published"},
		"the client has published none":          {c.peer(webhook, syncer).Client(), answering.Server(), "no certificate yet"},
		"the server has published none":          {asking.Client(), c.peer(syncer, webhook).Server(), "no certificate yet"},
	} {
		err := ask(t, test.client, test.server)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

func TestAProcessThatStartsIsKnownAtOnce(t *testing.T) {
	c := newCluster()
	asking, answering := c.started(t, webhook, syncer), c.started(t, syncer, webhook)
	if err := ask(t, c.started(t, webhook, syncer).Client(), answering.Server()); err != nil {
		t.Errorf("a client that has just started: %v", err)
	}
	if err := ask(t, asking.Client(), c.started(t, syncer, webhook).Server()); err != nil {
		t.Errorf("a server that has just started: %v", err)
	}
}

// TestConnectionsWaitForTheReadThatOneOfThemBegan: they come together, to a process that neither end knew until then.
func TestConnectionsWaitForTheReadThatOneOfThemBegan(t *testing.T) {
	c := newCluster()
	asking, answering := c.started(t, webhook, syncer), c.started(t, syncer, webhook)
	c.slow = 50 * time.Millisecond
	const connections = 8
	results := make(chan error)
	for range connections {
		go func() { results <- ask(t, asking.Client(), answering.Server()) }()
	}
	for range connections {
		if err := <-results; err != nil {
			t.Errorf("got %v, want a connection", err)
		}
	}
}

func TestCertificatesThatAreNotKnownCostFewReads(t *testing.T) {
	c := newCluster()
	answering, hostile := c.started(t, syncer, webhook), newCluster().started(t, webhook, syncer)
	before, now := c.reads, time.Now()
	answering.Now = func() time.Time { return now }
	for range 20 {
		if ask(t, trusting(hostile.Client()), answering.Server()) == nil {
			t.Error("a client with a certificate of another cluster was answered")
		}
	}
	if got := c.reads - before; got != 1 {
		t.Errorf("20 handshakes within a second cost %d reads, want 1", got)
	}
}

func TestWhatIsTakenOutOfAConfigMapIsTrustedNoMore(t *testing.T) {
	c := newCluster()
	asking, answering := c.started(t, webhook, syncer), c.started(t, syncer, webhook)
	if err := ask(t, asking.Client(), answering.Server()); err != nil {
		t.Fatal(err)
	}
	c.set(webhook, map[string]string{"junk": "no certificate"})
	refresh(t, answering)
	if ask(t, asking.Client(), answering.Server()) == nil {
		t.Error("a client whose certificate is gone was answered")
	}
	refresh(t, asking)
	refresh(t, answering)
	if err := ask(t, asking.Client(), answering.Server()); err != nil {
		t.Errorf("once it is published again: %v", err)
	}
	if got := c.size(webhook); got != 1 {
		t.Errorf("got %d entries, want the certificate alone", got)
	}
}

func TestACertificateIsReplacedBeforeItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster()
		asking, answering := c.started(t, webhook, syncer), c.started(t, syncer, webhook)
		for hour := range 5 {
			<-time.After(41 * time.Minute)
			for _, p := range []*peer.Peer{asking, answering} {
				refresh(t, p)
				if err := ask(t, asking.Client(), answering.Server()); err != nil {
					t.Errorf("renewal %d: %v", hour, err)
				}
			}
			if got := c.size(webhook); got != 2 {
				t.Errorf("renewal %d: got %d certificates, want that which is replaced and its successor", hour, got)
			}
		}
		<-time.After(2 * time.Hour)
		if ask(t, asking.Client(), answering.Server()) == nil {
			t.Error("certificates that have expired were trusted")
		}
	})
}

// TestACertificateForLongIsNotTrusted: a client that could write the ConfigMap once has what it wrote for an hour at most.
func TestACertificateForLongIsNotTrusted(t *testing.T) {
	for ends, trusted := range map[time.Duration]bool{time.Hour: true, 2 * time.Hour: false} {
		c := newCluster()
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(ends)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		c.set(webhook, map[string]string{"planted.pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))})
		client := &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
		if err := ask(t, client, c.started(t, syncer, webhook).Server()); (err == nil) != trusted {
			t.Errorf("a certificate that ends in %s: got %v, want it trusted: %t", ends, err, trusted)
		}
		c.started(t, webhook, syncer)
		if got, want := c.size(webhook), map[bool]int{true: 2, false: 1}[trusted]; got != want {
			t.Errorf("a certificate that ends in %s: got %d in the ConfigMap, want %d", ends, got, want)
		}
	}
}

func TestProcessesThatPublishAtOnceAllDo(t *testing.T) {
	c := newCluster()
	other := newCluster()
	other.started(t, webhook, syncer)
	c.before = func(meanwhile *corev1.ConfigMap) { meanwhile.Data = other.maps[webhook].Data }
	c.started(t, webhook, syncer)
	if got := c.size(webhook); got != 2 {
		t.Errorf("got %d certificates, want both", got)
	}
}

func TestAFailureSaysWhatToDo(t *testing.T) {
	c := newCluster()
	forbidden := apierrors.NewForbidden(configMaps, webhook, nil)
	for name, test := range map[string]struct {
		refuse error
		lacks  bool
		want   string
	}{
		"the ConfigMap is not there": {nil, true, "apply them again"},
		"it may not be read":         {forbidden, false, "a Role must allow"},
	} {
		c.refuse = test.refuse
		p := c.peer(webhook, syncer)
		if test.lacks {
			p.Own = "lacking"
		}
		if err := p.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

func TestRunReportsATroubleOnceAndItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster()
		c.refuse = apierrors.NewForbidden(configMaps, webhook, nil)
		ctx, cancel := context.WithCancel(t.Context())
		var reports []bool
		var running sync.WaitGroup
		running.Go(func() {
			c.peer(webhook, syncer).Run(ctx, func(err error) { reports = append(reports, err != nil) })
		})
		<-time.After(time.Minute)
		c.mu.Lock()
		c.refuse = nil
		c.mu.Unlock()
		<-time.After(3 * time.Minute)
		cancel()
		running.Wait()
		if len(reports) != 2 || !reports[0] || reports[1] {
			t.Errorf("got reports of trouble %v, want one, and one of its end", reports)
		}
		if c.size(webhook) != 1 {
			t.Error("nothing was published once that was permitted")
		}
	})
}
