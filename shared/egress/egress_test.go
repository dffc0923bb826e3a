package egress

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"

	"example.com/autoprovision/shared/fault"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ public, own bool }{
		"1.1.1.1": {true, true}, "34.120.1.2": {true, true}, "2606:4700::1111": {true, true}, "::ffff:1.1.1.1": {true, true},
		// this machine and its network
		"127.0.0.1": {false, true}, "127.9.9.9": {false, true}, "::1": {false, true}, "::ffff:127.0.0.1": {false, true},
		"10.0.0.1": {false, true}, "172.16.0.1": {false, true}, "192.168.1.1": {false, true}, "fd00::1": {false, true}, "::ffff:10.0.0.1": {false, true},
		// where a machine in the cloud gets its credentials from
		"169.254.169.254": {}, "::ffff:169.254.169.254": {}, "fe80::1": {}, "fe80::a9fe:a9fe%eth0": {}, "169.254.1.1": {},
		// the same in disguise: NAT64, 6to4, Teredo, IPv4-compatible
		"64:ff9b::a9fe:a9fe": {}, "64:ff9b:1::a9fe:a9fe": {}, "2002:a9fe:a9fe::1": {}, "2001:0:4136:e378:8000:63bf:5601:5601": {}, "::a9fe:a9fe": {},
		// nobody's
		"0.0.0.0": {}, "::": {}, "0.1.2.3": {}, "100.64.0.1": {}, "198.18.0.1": {}, "192.0.2.1": {}, "2001:db8::1": {}, "224.0.0.1": {},
		"255.255.255.255": {}, "240.0.0.1": {}, "ff02::1": {}, "1.1.1.1%x": {},
	} {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			ip = netip.Addr{} // refused like any other text
		}
		if got := Public.allows(ip); got != want.public {
			t.Errorf("Public allows %s: %v", text, got)
		}
		if got := OwnMachine.allows(ip); got != want.own {
			t.Errorf("OwnMachine allows %s: %v", text, got)
		}
	}
}

func TestCheckBaseURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ public, own bool }{
		"https://app.example.com/scim/v2": {true, true}, "https://app.example.com.:8443/": {true, true}, "https://1.1.1.1/scim": {true, true},
		"https://localhost.example.com/": {true, true},
		"http://app.example.com/":        {false, true}, // whose http a profile refuses
		"http://127.0.0.1:1/":            {false, true}, "https://127.0.0.1/": {false, true}, "https://[::1]/": {false, true},
		"https://localhost/": {false, true}, "https://LOCALHOST./": {false, true}, "https://x.localhost/": {false, true},
		"https://10.1.2.3/": {false, true}, "https://intranet/": {false, true}, "https://printer.local/": {false, true},
		"https://metadata.google.internal/computeMetadata/v1/": {false, true}, "https://metadata/": {false, true},
		"https://169.254.169.254/": {}, "https://[::ffff:169.254.169.254]/": {}, "https://[fe80::1%25eth0]/": {}, "https://0.0.0.0/": {},
		"": {}, "https://": {}, "https://[/": {}, "/scim": {},
	} {
		for policy, want := range map[Policy]bool{Public: want.public, OwnMachine: want.own} {
			err := policy.CheckBaseURL(text)
			if (err == nil) != want {
				t.Errorf("policy %d: %s: %v", policy, text, err)
			}
			if f, ok := errors.AsType[*fault.Error](err); err != nil && (!ok || f.Kind != fault.Invalid || f.Field != "baseUrl") {
				t.Errorf("%s: not about the field: %v", text, err)
			}
		}
	}
}

// listen counts the connections that reach this machine.
func listen(t *testing.T) (port string, reached *atomic.Int32) {
	t.Helper()
	reached = &atomic.Int32{}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			reached.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port, reached
}

func get(ctx context.Context, transport *http.Transport, url string) error {
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := transport.RoundTrip(req)
	if err == nil {
		resp.Body.Close()
	}
	return err
}

func TestConnections(t *testing.T) {
	t.Parallel()
	port, reached := listen(t)
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"} {
		before := reached.Load()
		err := get(t.Context(), Public.Transport(), "http://"+host+":"+port)
		if f, ok := errors.AsType[*fault.Error](err); !ok || f.Kind != fault.Invalid || reached.Load() != before {
			t.Errorf("Public to %s: %v, %d connections", host, err, reached.Load()-before)
		}
		if err := get(t.Context(), OwnMachine.Transport(), "http://"+host+":"+port); err != nil || reached.Load() == before {
			t.Errorf("OwnMachine to %s: %v", host, err)
		}
	}
}

// TestRebinding lets a name lead to this machine only once it is connected to:
// what a check of the name beforehand would let pass.
func TestRebinding(t *testing.T) {
	t.Parallel()
	port, reached := listen(t)
	var asked atomic.Int32
	names := resolver(t, func() netip.Addr {
		asked.Add(1)
		return netip.MustParseAddr("127.0.0.1")
	})
	url := "http://rebound.example.com:" + port
	if err := Public.CheckBaseURL("https://rebound.example.com:" + port); err != nil {
		t.Fatalf("the name alone is refused: %v", err)
	}
	err := get(t.Context(), Public.transport(names), url)
	if _, ok := errors.AsType[*fault.Error](err); !ok || asked.Load() == 0 || reached.Load() != 0 {
		t.Errorf("%v; asked %d times, %d connections", err, asked.Load(), reached.Load())
	}
	// The same name and resolver do connect where the address is allowed.
	if err := get(t.Context(), OwnMachine.transport(names), url); err != nil || reached.Load() != 1 {
		t.Errorf("OwnMachine: %v, %d connections", err, reached.Load())
	}
}

func TestNoProxyAroundThePolicy(t *testing.T) {
	t.Parallel()
	if Public.Transport().Proxy != nil {
		t.Error("a proxy's address would be judged in place of the app's")
	}
}

// resolver is one whose every A record is what answer says (RFC 1035 section 4.1).
func resolver(t *testing.T, answer func() netip.Addr) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go func() {
		buffer := make([]byte, 512)
		for {
			n, from, err := server.ReadFrom(buffer)
			if err != nil {
				return // closed
			}
			_, _ = server.WriteTo(reply(buffer[:n], answer), from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

func reply(query []byte, answer func() netip.Addr) []byte {
	end := 12
	for query[end] != 0 { // the labels of the one name asked for
		end += int(query[end]) + 1
	}
	question := query[12 : end+5]
	isA := binary.BigEndian.Uint16(query[end+1:]) == 1
	out := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question...)
	if isA {
		out[7] = 1
		out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4) // the name again, A, IN, for no time, 4 bytes
		ip := answer().As4()
		out = append(out, ip[:]...)
	}
	return out
}
