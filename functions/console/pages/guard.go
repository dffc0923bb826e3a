package pages

import (
	"fmt"
	"net/http"
	"runtime/debug"
)

// policy allows what these pages are made of and nothing else: no inline
// script or style, no other host (www.w3.org/TR/CSP3/).
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// headers sets what every answer carries.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		h.Set("Cache-Control", "no-store") // pages hold people's names
		next.ServeHTTP(w, r)
	})
}

// maxForm bounds what is read of a form, in bytes.
const maxForm = 1 << 20

// answer runs a handler, and turns its error or panic into a page.
func (p *Pages) answer(h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler {
				panic(v)
			}
			// The panic's value is not logged, since it may hold anything.
			p.service.Log.Error("page panicked", "method", r.Method, "kind", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			p.failed(w, r, fmt.Errorf("panic"))
		}()
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if r.Method == http.MethodPost {
			if err := r.ParseForm(); err != nil {
				p.failed(w, r, unread(err))
				return
			}
		}
		if err := h(w, r); err != nil {
			p.failed(w, r, err)
		}
	})
}
