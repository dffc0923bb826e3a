package cloud

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"

	"example.com/autoprovision/infra/simtokens"
)

// front stands for Google's front end: it has the functions' addresses, which
// stay while processes come and go. It judges every call by itself: a call of a
// function that only machines call, without a token of the right account for
// exactly this function, must be refused by the function, and fails the test if
// it is not.
type front struct {
	t      teller
	issuer *simtokens.Issuer
	server *httptest.Server

	mu sync.Mutex
	// functions by name, and which accounts may call those of machines.
	functions map[string]*process
	callers   map[string][]string
	calls     map[string]int
	refused   int
	// cut is how many calls of each function its end cut off.
	cut map[string]int
}

func newFront(t teller, issuer *simtokens.Issuer) *front {
	t.Helper()
	f := &front{t: t, issuer: issuer, functions: map[string]*process{}, calls: map[string]int{}, cut: map[string]int{}}
	f.server = httptest.NewServer(f)
	t.Cleanup(f.server.Close)
	return f
}

// url is a function's address.
func (f *front) url(name string) string { return f.server.URL + "/" + name }

// ServeHTTP passes a call on to the function's process, at the path below the function's name.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	f.pass(w, r, name, "/"+path)
}

func (f *front) pass(w http.ResponseWriter, r *http.Request, name, path string) {
	f.mu.Lock()
	p := f.functions[name]
	f.calls[name]++
	f.mu.Unlock()
	if p == nil || p.at() == "" {
		http.Error(w, "no instance", http.StatusServiceUnavailable)
		return
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(out *httputil.ProxyRequest) {
			out.SetURL(&url.URL{Scheme: "http", Host: p.at()})
			out.Out.URL.Path, out.Out.Host = path, r.Host
			out.Out.Header.Set("X-Cloud-Trace-Context", "0af7651916cd43dd8448eb211c80319c/1;o=1")
		},
		ModifyResponse: func(answer *http.Response) error {
			f.judge(name, r, answer.StatusCode)
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, _ error) {
			if r.Context().Err() == nil { // whoever called still waits
				f.mu.Lock()
				f.cut[name]++
				f.mu.Unlock()
			}
			http.Error(w, "the instance ended", http.StatusServiceUnavailable)
		},
	}
	proxy.ServeHTTP(w, r)
}

// judge holds the answer against the token.
func (f *front) judge(name string, r *http.Request, status int) {
	accounts, ofMachines := f.callers[name]
	if !ofMachines {
		return
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	claims, ok := f.issuer.Verify(token)
	good := ok && claims["aud"] == f.url(name) && claims["email_verified"] == true && slices.Contains(accounts, fmt.Sprint(claims["email"]))
	if refused := status == http.StatusUnauthorized; refused == good {
		f.t.Errorf("%s: a call with the claims %v, verified %v, was answered %d", name, claims, ok, status)
	}
	if !good {
		f.mu.Lock()
		f.refused++
		f.mu.Unlock()
	}
}

// count is how often each function was called so far.
func (f *front) count() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.calls)
}

// cutOff is how many calls of a function its end has cut off so far.
func (f *front) cutOff(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cut[name]
}
