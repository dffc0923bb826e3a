// Package egress owns where requests may go whose address somebody types in:
// those to the app's base URL.
//
// It promises that a connection is judged by the IP address that it is about
// to be made to, after names are resolved and for each connection anew, so that
// a name that leads elsewhere the next time leads no further (server-side
// request forgery, DNS rebinding). It sends nothing itself and knows no token.
package egress

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"example.com/autoprovision/shared/fault"
)

// Policy says where requests may go. Its zero value is Public.
type Policy int

const (
	// Public is the Internet, by https and without a proxy, whose address would
	// be judged in place of the app's. It is for every system in the cloud.
	Public Policy = iota
	// OwnMachine is the Internet, this machine and the network that it is in,
	// through a proxy if the environment names one: for the local program, where
	// the address comes from whoever starts it. Link-local addresses are no part of
	// it either: there a machine in the cloud gets its credentials from.
	OwnMachine
)

// CheckBaseURL refuses at once what a connection would be refused for, as far
// as the text shows it: fault.Invalid about the field baseUrl.
func (p Policy) CheckBaseURL(text string) error {
	const field = "baseUrl"
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return fault.Field(field, "must be a full address such as https://app.example.com/scim/v2")
	}
	if p == Public && u.Scheme != "https" {
		return fault.Field(field, "must begin with https")
	}
	host := strings.TrimSuffix(u.Hostname(), ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		if !p.allows(ip) {
			return fault.Field(field, "%s", refusal)
		}
	} else if p == Public && inside(host) {
		return fault.Field(field, "must name a host on the Internet, such as app.example.com")
	}
	return nil
}

// inside reports whether a name can only be one of this machine's or of its
// network: localhost (RFC 6761), local (RFC 6762), internal, which ICANN set
// aside and a cloud's metadata server has, and one without a dot, which a
// resolver may complete.
func inside(host string) bool {
	labels := strings.Split(strings.ToLower(host), ".")
	switch labels[len(labels)-1] {
	case "localhost", "local", "internal":
		return true
	}
	return len(labels) == 1
}

// refusal is what an administrator reads.
const refusal = "the base URL leads to an address inside this machine's own network, where no app may be: check its host name"

const (
	dialTimeout      = 10 * time.Second
	handshakeTimeout = 10 * time.Second
	idleTimeout      = 90 * time.Second
	maxHeader        = 64 << 10 // bytes of an answer's header
	maxIdle          = 64       // as many as a connection's settings allow calls at a time
)

// Transport carries requests under the policy. A refused connection is an
// error that wraps a fault.Invalid; nothing was sent then. It follows no
// redirect, as no transport does.
func (p Policy) Transport() *http.Transport { return p.transport(nil) }

// transport resolves names with a resolver; nil is the machine's.
func (p Policy) transport(names *net.Resolver) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, Resolver: names, Control: p.control}
	t := &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: handshakeTimeout, ForceAttemptHTTP2: true,
		MaxIdleConns: maxIdle, MaxIdleConnsPerHost: maxIdle, IdleConnTimeout: idleTimeout, MaxResponseHeaderBytes: maxHeader,
	}
	if p == OwnMachine {
		t.Proxy = http.ProxyFromEnvironment
	}
	return t
}

// control is called with the address of each connection before it is made.
func (p Policy) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !p.allows(at.Addr()) {
		return fault.New(fault.Invalid, "egress: connect", "%s", refusal)
	}
	return nil
}

func (p Policy) allows(ip netip.Addr) bool {
	ip = ip.Unmap() // ::ffff:127.0.0.1 is 127.0.0.1
	if p == OwnMachine && (ip.IsLoopback() || ip.IsPrivate()) {
		return true
	}
	return public(ip)
}

// public reports whether an address is of the Internet: none of those that
// IANA's registries of special-purpose addresses (RFC 6890) list as something
// else, and none that carries such an address inside it.
func public(ip netip.Addr) bool {
	if ip.Zone() != "" {
		return false
	}
	if ip.Is6() && !allocated.Contains(ip) {
		return false
	}
	for _, p := range special {
		if p.Contains(ip) {
			return false
		}
	}
	return ip.IsValid()
}

// allocated holds all public IPv6 addresses, and neither those of this machine
// and its network nor NAT64's (64:ff9b::/96), which carry IPv4 ones.
var allocated = netip.MustParsePrefix("2000::/3")

var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}
