package gcp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

const (
	project      = "acme-provisioning"
	number       = "123456789012"
	region       = "europe-west1"
	organization = "987654321"
	// agent is Pub/Sub's own account in the project.
	agent = "service-" + number + "@gcp-sa-pubsub.iam.gserviceaccount.com"
)

// object is a resource as JSON.
type object = map[string]any

// cloud stands for Google Cloud's APIs, as far as deploy.sh uses them: it keeps
// what is made, and answers 404 to what needs a thing that is not there, 409 to
// what is made twice or from an old policy, and 403 for an API that is off.
type cloud struct {
	server *httptest.Server
	// gcloud is a folder with the gcloud to use, or empty for the one in the path.
	gcloud string

	mu sync.Mutex
	// things are the resources by API and full name, policies their IAM policies.
	things, policies map[string]object
	on               map[string]bool // APIs
	serial           int
	// changes are the requests that changed something, or tried to, each in words
	// that are the same whenever the same is tried.
	changes []string
	// problems are requests that this server does not know, or that tried to leave.
	problems []string
	// transcript is every request line and body.
	transcript bytes.Buffer
	// fault says what happens to a change; nil for nothing.
	fault func(change string) outcome
	// unseen is how many more policies do not know the newest account yet; late how
	// many more requests find an API off that was enabled, no metric, no right to
	// build, other changes of the indexes or of the project's policy, or no new queue.
	unseen int
	late   map[string]int
	// robot is true when the caller is a service account, whose calls count on the
	// project's own APIs; busy while a field's change in Firestore has not been seen to end.
	robot, busy bool
	// agent is true when Pub/Sub's own account was made.
	agent bool
	// refuse says what the caller may not do; nil for nothing.
	refuse func(q request) bool
	// delegated is what a super administrator has authorised: client id and scopes.
	delegated string
	// unread is what the administrator of the delegation may not read: the last
	// parts of the Directory API's paths.
	unread []string
}

type outcome int

const (
	done    outcome = iota
	refused         // and nothing was changed
	lost            // changed, and the answer says that it failed
)

func newCloud(t *testing.T) *cloud {
	c := &cloud{things: map[string]object{}, policies: map[string]object{}, on: map[string]bool{}, late: map[string]int{}}
	c.server = httptest.NewServer(c)
	t.Cleanup(c.server.Close)
	return c
}

func deepCopy[T any](v T) T {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	var other T
	if err := json.Unmarshal(data, &other); err != nil {
		panic(err)
	}
	return other
}

// failure is an answer other than 200.
type failure struct {
	code   int
	status string
	text   string
}

func (f *failure) Error() string { return f.text }

func notFound(name string) error {
	return &failure{http.StatusNotFound, "NOT_FOUND", "Resource " + name + " was not found"}
}

func invalid(text string) error { return &failure{http.StatusBadRequest, "INVALID_ARGUMENT", text} }

// ServeHTTP takes /API/VERSION/NAME, and gcloud's own proxy requests for the API
// whose host cannot be overridden.
func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	if r.Header.Get("Content-Type") == "application/zip" {
		body = nil
	}
	fmt.Fprintf(&c.transcript, "%s %s %s\n", r.Method, r.URL, body)
	answer, err := c.answer(r, body)
	w.Header().Set("Content-Type", "application/json")
	if f, ok := err.(*failure); ok {
		w.WriteHeader(f.code)
		answer = object{"error": object{"code": f.code, "status": f.status, "message": f.text}}
	}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		c.problems = append(c.problems, err.Error())
	}
}

func (c *cloud) answer(r *http.Request, body []byte) (object, error) {
	if r.Method == http.MethodConnect {
		c.problems = append(c.problems, "tried to leave: "+r.URL.String())
		return nil, &failure{http.StatusForbidden, "PERMISSION_DENIED", "nothing leaves"}
	}
	api, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch api {
	case "upload":
		return object{}, nil
	case "token":
		return c.token(string(body))
	case "admin":
		return c.directory(r)
	}
	_, name, _ := strings.Cut(rest, "/")
	name = strings.Replace(name, "projects/-/", "projects/"+project+"/", 1)
	if c.late[api+".googleapis.com"] > 0 {
		c.late[api+".googleapis.com"]--
		return nil, &failure{http.StatusForbidden, "PERMISSION_DENIED", api + " API has not been used in project " + number + " before or it is disabled."}
	}
	if !c.on[api+".googleapis.com"] && api != "serviceusage" && (c.robot || api != "cloudresourcemanager") {
		return nil, &failure{http.StatusForbidden, "PERMISSION_DENIED", api + " API has not been used in project " + number + " before or it is disabled."}
	}
	in := object{}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &in); err != nil {
			return nil, invalid(err.Error())
		}
	}
	q := request{api: api, name: name, method: r.Method, query: r.URL.Query(), body: in}
	if c.refuse != nil && c.refuse(q) {
		return nil, &failure{http.StatusForbidden, "PERMISSION_DENIED", "The caller does not have permission"}
	}
	var before snapshot
	if !q.reads() {
		before = c.state()
	}
	answer, err := c.handle(q)
	if answer == nil && err == nil {
		c.problems = append(c.problems, fmt.Sprintf("unknown: %s %s %s", r.Method, r.URL, body))
		return nil, &failure{http.StatusNotImplemented, "UNIMPLEMENTED", "not in this server: " + r.Method + " " + r.URL.Path}
	}
	if q.reads() {
		return answer, err
	}
	this := q.what(before)
	c.changes = append(c.changes, this)
	if err != nil || c.fault == nil {
		return answer, err
	}
	how := c.fault(this)
	c.busy = c.busy && how == done // nobody waits for what failed
	switch how {
	case refused:
		c.restore(before)
		return nil, &failure{http.StatusBadRequest, "FAILED_PRECONDITION", "the test breaks this"}
	case lost:
		return nil, &failure{http.StatusBadRequest, "FAILED_PRECONDITION", "the test breaks this after it was done"}
	}
	return answer, nil
}

// token answers as Google's token endpoint does to an assertion that was signed
// for an administrator.
func (c *cloud) token(form string) (object, error) {
	values, err := url.ParseQuery(form)
	if err != nil {
		return nil, invalid(err.Error())
	}
	_, rest, _ := strings.Cut(values.Get("assertion"), ".")
	payload, _, _ := strings.Cut(rest, ".")
	data, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return nil, invalid(err.Error())
	}
	var claims struct{ Iss, Sub, Scope, Aud string }
	if err := json.Unmarshal(data, &claims); err != nil {
		return nil, invalid(err.Error())
	}
	signer, _ := c.things["iam projects/"+project+"/serviceAccounts/"+claims.Iss]
	if claims.Sub != "reader@example.com" || claims.Aud != "https://oauth2.googleapis.com/token" || c.delegated != text(signer, "uniqueId")+" "+claims.Scope {
		return object{"error": "unauthorized_client"}, nil
	}
	return object{"access_token": "delegated"}, nil
}

// directory answers as the Directory API does to who carries the token, with one
// of each kind.
func (c *cloud) directory(r *http.Request) (object, error) {
	if r.Header.Get("Authorization") != "Bearer delegated" {
		return nil, &failure{http.StatusUnauthorized, "UNAUTHENTICATED", "no token"}
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/admin/directory/v1/")
	if whole := map[string]bool{"users": true, "groups": true, "groups/0abc/members": true, "customer/my_customer/orgunits": true,
		"customer/my_customer/domains": true, "customer/my_customer/schemas": true}; !ok || !whole[path] {
		c.problems = append(c.problems, "unknown to the directory: "+r.URL.Path)
	}
	if q := r.URL.Query(); (path == "users" || path == "groups") && (q.Get("customer") != "my_customer" || q.Get("maxResults") != "1") {
		c.problems = append(c.problems, "not asked for one of the customer's: "+r.URL.String())
	}
	last := path[strings.LastIndexByte(path, '/')+1:]
	if slices.Contains(c.unread, last) {
		return nil, &failure{http.StatusForbidden, "PERMISSION_DENIED", "Not Authorized to access this resource/api"}
	}
	return object{last: []object{{"id": "0abc"}}}, nil
}

// snapshot is all that can change.
type snapshot struct {
	things, policies map[string]object
	on               map[string]bool
}

func (c *cloud) state() snapshot {
	return snapshot{deepCopy(c.things), deepCopy(c.policies), maps.Clone(c.on)}
}

func (c *cloud) restore(s snapshot) { c.things, c.policies, c.on = s.things, s.policies, s.on }

// locked returns what read returns, while no request is served.
func locked[T any](c *cloud, read func() T) T {
	c.mu.Lock()
	defer c.mu.Unlock()
	return read()
}

// names are the full names of an API's resources in a collection.
func (c *cloud) names(api, collection string) []string {
	return locked(c, func() []string {
		var all []string
		for key := range c.things {
			if strings.HasPrefix(key, api+" ") && strings.Contains(key, "/"+collection+"/") {
				all = append(all, key[strings.LastIndex(key, "/")+1:])
			}
		}
		slices.Sort(all)
		return all
	})
}
