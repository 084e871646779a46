package settings

import (
	"fmt"
	"net"
	"net/netip"
)

// Pprof is where a service serves profiles of itself: of its CPU and memory, and of what its goroutines do. They hold no values, but they
// are no metrics: a client that may read those need not see how the service is made, nor keep it busy.
type Pprof struct{ Address string }

// Bind names the setting.
func (p *Pprof) Bind(s *Section) {
	s.String(&p.Address, "pprof-bind-address", "",
		"address of /debug/pprof, such as 127.0.0.1:6060, which kubectl port-forward reaches and no other pod; empty or 0: none",
		"PPROF_BIND_ADDRESS")
}

// Check refuses what no listener can be bound to, and the ports of others, which are addresses by their flags.
func (p *Pprof) Check(others map[string]string) error {
	if err := CheckAddress("pprof-bind-address", p.Address); err != nil || p.off() {
		return err
	}
	_, port, err := net.SplitHostPort(p.Address)
	if err != nil {
		return err
	}
	for flag, address := range others {
		if _, other, err := net.SplitHostPort(address); err == nil && port == other && port != "0" {
			return fmt.Errorf("--pprof-bind-address is %q: that is the port of --%s, which others may reach: give one of its own, "+
				"such as 127.0.0.1:6060", p.Address, flag)
		}
	}
	return nil
}

// Exposed reports whether other machines and pods reach the address.
func (p *Pprof) Exposed() bool {
	host, _, err := net.SplitHostPort(p.Address)
	if err != nil || p.off() || host == "localhost" {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err != nil || !ip.IsLoopback()
}

func (p *Pprof) off() bool { return p.Address == "" || p.Address == "0" }
