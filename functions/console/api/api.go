// Package api owns the HTTP API of the console: JSON under /api/v1, described
// by an OpenAPI 3.1 document at /api/v1/openapi.json.
//
// It promises that paths, fields and statuses are those of the contract; that
// nothing but the document is answered without sign-in; that unknown fields are
// refused; and that every refusal is a problem of RFC 9457 that says what to
// do and names the field. No answer holds a token (R15): what was sent is never
// sent back. It decides nothing: package admin does.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/secrets"
)

const (
	root         = "/api/v1"
	documentPath = root + "/openapi.json"
	jsonType     = "application/json"
)

// api answers requests with the use cases.
type api struct {
	service *admin.Service
	mux     *http.ServeMux
	huma    huma.API
	door    Door
}

// strict sets what the framework has for the whole process only, and nothing
// else in it uses: its own form of errors would send back what was sent, an access
// token too, field names would match without regard to case, and its messages are
// for programmers.
var strict = sync.OnceFunc(func() {
	huma.NewError = refusal
	huma.ValidateStrictCasing = true
	speak()
})

// New returns the API over the use cases. Who sends the token is the administrator.
func New(service *admin.Service, token secrets.Value) http.Handler {
	return Behind(service, Token(token))
}

// Behind returns the API over the use cases, for whom the door lets in.
func Behind(service *admin.Service, door Door) http.Handler {
	strict()
	a := &api{service: service, mux: http.NewServeMux(), door: door}
	a.huma = humago.New(a.mux, configuration())
	a.registerConfiguration()
	a.registerActions()
	a.registerPreviews()
	a.registerPeople()
	a.registerLists()
	a.registerEvents()
	a.registerHealth()
	a.registerWizard()
	document := document(a.huma.OpenAPI())
	a.mux.HandleFunc("GET "+documentPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", jsonType)
		_, _ = w.Write(document) // a client that is gone needs no answer
	})
	return a
}

func configuration() huma.Config {
	const bearerScheme = "bearer"
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: decode}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "autoprovision", Version: "1",
				Description: "Accounts in the app follow the directory. Times are RFC 3339 in UTC; what is absent is null; a list is never null. " +
					"A PUT of what is set already changes nothing, unless it confirms a preview."},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{bearerScheme: {Type: "http", Scheme: "bearer"}},
			},
			Security: []map[string][]string{{bearerScheme: {}}},
			Tags: []*huma.Tag{
				{Name: tagApp, Description: "The app as a whole"}, {Name: tagConfiguration, Description: "What an administrator sets"},
				{Name: tagPeople, Description: "People and what happens to their accounts"}, {Name: tagWizard, Description: "What a set-up can choose from"},
			},
		},
		// The second is what application/problem+json ends with.
		Formats:                      map[string]huma.Format{jsonType: format, "json": format},
		DefaultFormat:                jsonType,
		RejectUnknownQueryParameters: true,
	}
}

const (
	tagApp           = "app"
	tagConfiguration = "configuration"
	tagPeople        = "people"
	tagWizard        = "wizard"
)

// decode reads JSON; its errors are fit for an answer.
func decode(data []byte, v any) error {
	if _, at, found := admin.Repeated(data); found {
		return fmt.Errorf("holds a name twice in one object, at byte %d", at)
	}
	err := json.Unmarshal(data, v)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("is not JSON, at byte %d", syntax.Offset)
	case errors.As(err, &kind):
		return fmt.Errorf("holds a value of %s that is too large or of another type", kind.Field)
	}
	return err
}

// app is the path of a call on the app.
func (a *api) app(below string) string {
	return root + "/apps/" + a.service.Profile.ID + below
}

// operation describes one call; answers says what a successful answer is.
func (a *api) operation(method, path, id, tag, summary, answers string) huma.Operation {
	return huma.Operation{
		Method: method, Path: path, OperationID: id, Tags: []string{tag}, Summary: summary,
		Responses: map[string]*huma.Response{"200": {Description: answers}},
		Errors:    statuses(method, path),
		// The framework's deadline for reading a body stays on the connection, and
		// would end the request of a handler that works for longer.
		BodyReadTimeout: -1,
		MaxBodyBytes:    maxBody,
	}
}

// maxBody bounds a request's body, in bytes.
const maxBody = 1 << 20

// handle registers a call whose errors become problems.
func handle[I, O any](a *api, op huma.Operation, do func(context.Context, *I) (*O, error)) {
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := do(ctx, in)
		if err != nil {
			return nil, a.problem(ctx, op, err)
		}
		return out, nil
	})
}

// answer is an answer with a body.
type answer[T any] struct{ Body T }

// ServeHTTP answers one request.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer a.guard(w, r)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	r, ok := a.enter(w, r)
	if !ok {
		return
	}
	if inner, pattern := a.mux.Handler(r); pattern == "" {
		unrouted(w, r, inner)
		return
	}
	a.mux.ServeHTTP(w, r)
}

// unrouted turns the mux's own plain text of 404 and 405 into problems.
func unrouted(w http.ResponseWriter, r *http.Request, inner http.Handler) {
	var plain discarded
	inner.ServeHTTP(&plain, r)
	if plain.status != http.StatusMethodNotAllowed {
		write(w, newProblem(http.StatusNotFound, "there is nothing at this path: see "+documentPath))
		return
	}
	allowed := plain.Header().Get("Allow")
	w.Header().Set("Allow", allowed)
	write(w, newProblem(http.StatusMethodNotAllowed, "this path takes "+allowed))
}

// discarded is an answer of which only the status and the header count.
type discarded struct {
	header http.Header
	status int
}

func (d *discarded) Header() http.Header {
	if d.header == nil {
		d.header = http.Header{}
	}
	return d.header
}
func (d *discarded) Write(b []byte) (int, error) { return len(b), nil }
func (d *discarded) WriteHeader(status int)      { d.status = status }

// guard answers a panic with a problem. The panic's value is not logged, since it may hold anything.
func (a *api) guard(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		panic(v)
	}
	id := a.service.NewID()
	a.service.Log.ErrorContext(r.Context(), "api request panicked", "request", id, "method", r.Method, "kind", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
	write(w, internal(id))
}
