package simworkspace

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// apiError is a refusal in Google's form.
type apiError struct {
	code    int
	reason  string
	message string
}

func (e *apiError) Error() string { return e.message }

func notFound(what string) error {
	return &apiError{http.StatusNotFound, "notFound", "Resource Not Found: " + what}
}

func invalid(what string) error {
	return &apiError{http.StatusBadRequest, "invalid", "Invalid Input: " + what}
}

func duplicate(message string) error {
	return &apiError{http.StatusConflict, "duplicate", message}
}

func precondition(message string) error {
	return &apiError{http.StatusPreconditionFailed, "conditionNotMet", message}
}

// method serves one API method; it runs with the lock held. A nil object is an
// answer without a body.
type method func(r *http.Request) (object, error)

func (w *Workspace) routes() http.Handler {
	mux := http.NewServeMux()
	const v1 = "/admin/directory/v1"
	read := func(pattern, name string, m method) { w.route(mux, v1, pattern, name, w.mu.RLock, w.mu.RUnlock, m) }
	write := func(pattern, name string, m method) {
		w.route(mux, v1, pattern, name, w.mu.Lock, w.mu.Unlock, w.keeping(m))
	}

	read("GET /users", "users.list", w.listUsers)
	read("GET /users/{userKey}", "users.get", w.getUser)
	write("POST /users", "users.insert", w.insertUser)
	write("PUT /users/{userKey}", "users.update", w.updateUser) // has patch semantics, says Google
	write("PATCH /users/{userKey}", "users.patch", w.updateUser)
	write("DELETE /users/{userKey}", "users.delete", w.deleteUser)
	write("POST /users/{userKey}/undelete", "users.undelete", w.undeleteUser)
	write("POST /users/{userKey}/makeAdmin", "users.makeAdmin", w.makeAdmin)
	read("GET /users/{userKey}/aliases", "users.aliases.list", w.listAliases)
	write("POST /users/{userKey}/aliases", "users.aliases.insert", w.insertAlias)
	write("DELETE /users/{userKey}/aliases/{alias}", "users.aliases.delete", w.deleteAlias)
	write("POST /users/watch", "users.watch", w.watchUsers)

	read("GET /groups", "groups.list", w.listGroups)
	read("GET /groups/{groupKey}", "groups.get", w.getGroup)
	write("POST /groups", "groups.insert", w.insertGroup)
	write("PUT /groups/{groupKey}", "groups.update", w.updateGroup)
	write("DELETE /groups/{groupKey}", "groups.delete", w.deleteGroup)
	read("GET /groups/{groupKey}/members", "members.list", w.listMembers)
	read("GET /groups/{groupKey}/members/{memberKey}", "members.get", w.getMember)
	write("POST /groups/{groupKey}/members", "members.insert", w.insertMember)
	write("DELETE /groups/{groupKey}/members/{memberKey}", "members.delete", w.deleteMember)
	read("GET /groups/{groupKey}/hasMember/{memberKey}", "members.hasMember", w.hasMember)

	read("GET /customer/{customer}/orgunits", "orgunits.list", w.listUnits)
	read("GET /customer/{customer}/orgunits/{unit...}", "orgunits.get", w.getUnit)
	write("POST /customer/{customer}/orgunits", "orgunits.insert", w.insertUnit)
	write("PUT /customer/{customer}/orgunits/{unit...}", "orgunits.update", w.updateUnit)
	write("PATCH /customer/{customer}/orgunits/{unit...}", "orgunits.patch", w.updateUnit)
	write("DELETE /customer/{customer}/orgunits/{unit...}", "orgunits.delete", w.deleteUnit)

	read("GET /customer/{customer}/domains", "domains.list", w.listDomains)
	write("POST /customer/{customer}/domains", "domains.insert", w.insertDomain)
	write("DELETE /customer/{customer}/domains/{domain}", "domains.delete", w.deleteDomain)
	read("GET /customer/{customer}/schemas", "schemas.list", w.listSchemas)
	read("GET /customer/{customer}/schemas/{schema}", "schemas.get", w.getSchema)
	write("POST /customer/{customer}/schemas", "schemas.insert", w.insertSchema)
	read("GET /customers/{customer}", "customers.get", w.getCustomer)
	write("PATCH /customers/{customer}", "customers.patch", w.patchCustomer)

	w.route(mux, "/admin/directory_v1", "POST /channels/stop", "channels.stop", w.mu.Lock, w.mu.Unlock, w.stopChannel)
	w.control(mux)
	mux.HandleFunc("/", func(out http.ResponseWriter, _ *http.Request) {
		// Google's front end knows no such path, and says so to a person.
		out.Header().Set("Content-Type", "text/html; charset=UTF-8")
		out.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(out, "<!DOCTYPE html><html lang=en><title>Error 404 (Not Found)</title><p>The requested URL was not found.</html>")
	})
	return mux
}

func (w *Workspace) route(mux *http.ServeMux, base, pattern, name string, lock, unlock func(), m method) {
	verb, path, _ := strings.Cut(pattern, " ")
	mux.HandleFunc(verb+" "+base+path, func(out http.ResponseWriter, r *http.Request) {
		w.calls.add(name)
		if w.faults.interfere(out, r, name, w.now()) {
			return
		}
		fields, err := parseFields(r.URL.Query().Get("fields"))
		if err != nil {
			refuse(out, invalid("fields"))
			return
		}
		answer, err := func() (object, error) {
			lock()
			defer unlock()
			return m(r)
		}()
		switch {
		case err != nil:
			refuse(out, err)
		case answer == nil:
			out.WriteHeader(http.StatusNoContent)
		default:
			respond(out, http.StatusOK, fields, answer)
		}
	})
}

func respond(out http.ResponseWriter, code int, fields mask, answer any) {
	data, err := fields.appendJSON(nil, answer)
	if err != nil {
		code, data = http.StatusInternalServerError, []byte(`{"error":{"code":500,"message":"Internal Error"}}`)
	}
	out.Header().Set("Content-Type", "application/json; charset=UTF-8")
	out.WriteHeader(code)
	_, _ = out.Write(data) // a client that has gone needs no answer
}

func refuse(out http.ResponseWriter, err error) {
	e, ok := errors.AsType[*apiError](err)
	if !ok {
		e = &apiError{http.StatusInternalServerError, "internalError", "Internal Error"}
	}
	domain := "global"
	if e.reason == "userRateLimitExceeded" || e.reason == "rateLimitExceeded" {
		domain = "usageLimits"
	}
	respond(out, e.code, nil, object{{"error", object{
		{"code", e.code}, {"message", e.message},
		{"errors", []object{{{"message", e.message}, {"domain", domain}, {"reason", e.reason}}}},
	}}})
}

// body decodes a request's JSON object.
func body(r *http.Request, into any) error {
	data, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return err
	}
	if len(data) == 0 {
		return nil
	}
	if json.Unmarshal(data, into) != nil {
		return &apiError{http.StatusBadRequest, "parseError", "Parse Error"}
	}
	return nil
}

// checkCustomer refuses any customer but this one.
func (w *Workspace) checkCustomer(id string) error {
	if id != "my_customer" && id != w.customerID {
		return &apiError{http.StatusForbidden, "forbidden", "Not Authorized to access this resource/api"}
	}
	return nil
}

// listing is how a list may be paged.
type listing struct {
	size, most int  // entries on a page, and the largest number allowed
	descending bool // order of the keys
}

// pageOf cuts the page that a listing's parameters ask for out of items, which
// are ordered by key. The token is the last key of the page before, so that
// what comes and goes between two pages shifts nobody.
func pageOf[T any](q url.Values, l listing, items []T, key func(T) string) (part []T, next string, _ error) {
	size := l.size
	if text := q.Get("maxResults"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > l.most {
			return nil, "", &apiError{http.StatusBadRequest, "invalidParameter",
				fmt.Sprintf("Invalid value '%s'. Values must be within the range: [1, %d]", text, l.most)}
		}
		size = n
	}
	start := 0
	if token := q.Get("pageToken"); token != "" {
		last, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			return nil, "", invalid("pageToken")
		}
		at, found := slices.BinarySearchFunc(items, string(last), func(item T, k string) int {
			if l.descending {
				return strings.Compare(k, key(item))
			}
			return strings.Compare(key(item), k)
		})
		if found {
			at++
		}
		start = at
	}
	end := min(start+size, len(items))
	part = items[start:end]
	if end < len(items) {
		next = base64.RawURLEncoding.EncodeToString([]byte(key(items[end-1])))
	}
	return part, next, nil
}
