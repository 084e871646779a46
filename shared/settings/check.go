package settings

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
)

// CheckAddress refuses what no listener can be bound to. 0 and nothing stand for none.
func CheckAddress(flag, address string) error {
	if address == "0" || address == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(address)
	if _, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil {
		return fmt.Errorf("--%s is %q: must be host:port, :port, or 0 for none", flag, address)
	}
	return nil
}

// CheckFile refuses the name of a file that is not there. Nothing stands for none.
func CheckFile(flag, name string) error {
	if name == "" {
		return nil
	}
	if _, err := os.Stat(name); err != nil {
		return fmt.Errorf("--%s: %w", flag, err)
	}
	return nil
}

// CheckURL refuses what is no URL of a server. Nothing stands for none.
func CheckURL(flag, text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("--%s must be a URL such as https://host:port", flag) // not its text, which may hold a password
	}
	return nil
}
