package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// served is a server with limits, and where it listens.
func served(t *testing.T, l limits, h http.HandlerFunc) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(h, l)
	go server.Serve(listener) //nolint:errcheck // ends with Close
	t.Cleanup(func() { server.Close() })
	return listener.Addr().String()
}

// small are limits that a test reaches soon.
func small() limits {
	return limits{header: 100 * time.Millisecond, body: 100 * time.Millisecond, whole: 5 * time.Second, idle: 100 * time.Millisecond, headerBytes: 8 << 10, requests: 2}
}

// talk writes to a server and returns what comes back until the server closes.
func talk(t *testing.T, address, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if e, ok := err.(net.Error); ok && e.Timeout() {
		t.Fatalf("the server kept the connection; so far: %s", answer)
	}
	return string(answer)
}

// TestSlowSenders sees that whoever sends nothing, or byte by byte, is cut off.
func TestSlowSenders(t *testing.T) {
	t.Parallel()
	read := make(chan error, 1)
	address := served(t, small(), func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		read <- err
	})
	talk(t, address, "")
	talk(t, address, "POST / HTTP/1.1\r\nHost: x\r\nX-Half")
	talk(t, address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") // and then nothing more
	if err := <-read; err != nil {
		t.Errorf("a request without a body: %v", err)
	}
	talk(t, address, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
	if err := <-read; err == nil {
		t.Error("half a body was taken for a whole one")
	}
}

// TestUnreadBody sees that a body that no handler reads is waited for no longer.
func TestUnreadBody(t *testing.T) {
	t.Parallel()
	address := served(t, small(), func(http.ResponseWriter, *http.Request) {})
	if answer := talk(t, address, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf"); !strings.HasPrefix(answer, "HTTP/1.1 200") {
		t.Errorf("answered %s", answer)
	}
}

// TestLongWork sees that the bound on a body does not end what is done with it.
func TestLongWork(t *testing.T) {
	t.Parallel()
	l := small()
	address := served(t, l, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		select {
		case <-time.After(4 * l.body):
			fmt.Fprint(w, "done")
		case <-r.Context().Done():
			fmt.Fprint(w, "cut off: ", context.Cause(r.Context()))
		}
	})
	for _, body := range []string{"", "whole"} {
		resp, err := http.Post("http://"+address, "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if answer, err := io.ReadAll(resp.Body); string(answer) != "done" {
			t.Errorf("body %q: %s, %v", body, answer, err)
		}
	}
}

func TestLargeHeader(t *testing.T) {
	t.Parallel()
	address := served(t, small(), func(http.ResponseWriter, *http.Request) { t.Error("the handler was reached") })
	answer := talk(t, address, "GET / HTTP/1.1\r\nHost: x\r\nX-Large: "+strings.Repeat("x", 16<<10)+"\r\n\r\n")
	if !strings.HasPrefix(answer, "HTTP/1.1 431") {
		t.Errorf("answered %s", answer)
	}
}

func TestTooManyAtATime(t *testing.T) {
	t.Parallel()
	l := small()
	entered, leave := make(chan struct{}), make(chan struct{})
	address := served(t, l, func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-leave
	})
	get := func() (*http.Response, error) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return nil, err
		}
		return http.ReadResponse(bufio.NewReader(conn), nil)
	}
	ended := make(chan int, l.requests)
	for range l.requests {
		go func() {
			resp, err := get()
			if err != nil {
				ended <- 0
				return
			}
			ended <- resp.StatusCode
		}()
		<-entered
	}
	resp, err := get()
	if err != nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("one more: %v, %v", resp, err)
	}
	close(leave)
	for range l.requests {
		if status := <-ended; status != http.StatusOK {
			t.Errorf("one of those let in: %d", status)
		}
	}
	go func() { <-entered }()
	if resp, err := get(); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %v, %v", resp, err)
	}
}

// TestAuditEventFromABrowser sees that a page in a browser sends no audit
// messages, whatever name it reached this machine by (DNS rebinding).
func TestAuditEventFromABrowser(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		header http.Header
		ok     bool
	}{
		"an emulator":         {http.Header{"Content-Type": {"application/json"}}, true},
		"a CloudEvent":        {http.Header{"Content-Type": {"application/cloudevents+json; charset=utf-8"}}, true},
		"a form":              {http.Header{"Content-Type": {"text/plain"}}, false},
		"nothing":             {http.Header{}, false},
		"a page":              {http.Header{"Content-Type": {"application/json"}, "Origin": {"http://evil.example"}}, false},
		"a page in a frame":   {http.Header{"Content-Type": {"application/json"}, "Origin": {"null"}}, false},
		"a page by rebinding": {http.Header{"Content-Type": {"application/json"}, "Sec-Fetch-Site": {"same-origin"}}, false},
	} {
		if err := publisher(&http.Request{Header: test.header}); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
