package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// calls is what the API promises to other programs, and the health of the sources.
var calls = []string{
	"GET " + app,
	"PUT " + app + "/authorization",
	"PUT " + app + "/mapping",
	"PUT " + app + "/scope",
	"PUT " + app + "/deprovisioning",
	"PUT " + app + "/connection",
	"POST " + app + "/probe",
	"PUT " + app + "/protected",
	"PUT " + app + "/guard",
	"GET " + app + "/configuration",
	"PUT " + app + "/configuration",
	"POST " + app + "/preview",
	"GET " + app + "/previews/{id}",
	"POST " + app + "/turnOn",
	"POST " + app + "/turnOff",
	"POST " + app + "/sweep",
	"POST " + app + "/confirmHeld",
	"POST " + app + "/dismissHeld",
	"GET " + app + "/directory/groups",
	"GET " + app + "/directory/orgUnits",
	"GET " + app + "/directory/attributes",
	"DELETE " + app,
	"GET " + app + "/users/{user}",
	"POST " + app + "/users/{user}/reconcile",
	"GET " + app + "/orphans",
	"GET " + app + "/pending",
	"GET " + app + "/held",
	"GET " + app + "/usage",
	"GET " + app + "/events",
	"GET " + app + "/attention",
	"GET " + app + "/health",
}

// openAPI is what the tests read of the document.
type openAPI struct {
	OpenAPI  string                `json:"openapi"`
	Security []map[string][]string `json:"security"`
	Paths    map[string]map[string]struct {
		OperationID string   `json:"operationId"`
		Summary     string   `json:"summary"`
		Tags        []string `json:"tags"`
		Responses   map[string]struct {
			Description string         `json:"description"`
			Content     map[string]any `json:"content"`
		} `json:"responses"`
	} `json:"paths"`
}

func readDocument(t *testing.T) ([]byte, openAPI) {
	t.Helper()
	rec := httptest.NewRecorder() // without sign-in
	newWorld(t).handler.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", "/api/v1/openapi.json", nil))
	if rec.Code != http.StatusOK || rec.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("status %d, %s", rec.Code, rec.Header().Get("Content-Type"))
	}
	var doc openAPI
	check(t, json.Unmarshal(rec.Body.Bytes(), &doc))
	return rec.Body.Bytes(), doc
}

func TestDocumentIsAsReviewed(t *testing.T) {
	t.Parallel()
	data, _ := readDocument(t)
	var got bytes.Buffer
	check(t, json.Indent(&got, data, "", "  "))
	golden := filepath.Join("testdata", "openapi.json")
	if *update {
		check(t, os.MkdirAll("testdata", 0o755))
		check(t, os.WriteFile(golden, got.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	check(t, err)
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("the OpenAPI document has changed; with -update it is rewritten (-want +got):\n%s", diff)
	}
}

func TestDocumentHoldsTheContract(t *testing.T) {
	t.Parallel()
	_, doc := readDocument(t)
	if doc.OpenAPI != "3.1.0" || len(doc.Security) != 1 {
		t.Errorf("version %q, security %v", doc.OpenAPI, doc.Security)
	}
	var got []string
	ids := map[string]bool{}
	for path, item := range doc.Paths {
		for method, op := range item {
			call := strings.ToUpper(method) + " " + path
			got = append(got, call)
			if op.OperationID == "" || ids[op.OperationID] || op.Summary == "" || len(op.Tags) == 0 {
				t.Errorf("%s: no id of its own, no summary or no tag: %+v", call, op)
			}
			ids[op.OperationID] = true
			for status, response := range op.Responses {
				if response.Description == "" || response.Description == http.StatusText(200) {
					t.Errorf("%s: the answer %s is not described", call, status)
				}
				if _, problem := response.Content["application/problem+json"]; problem != (status >= "400") {
					t.Errorf("%s: content of %s is %v", call, status, response.Content)
				}
			}
			if _, ok := op.Responses["401"]; !ok {
				t.Errorf("%s does not say that it wants a sign-in", call)
			}
		}
	}
	want := slices.Sorted(slices.Values(calls))
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestEveryCallOfTheContractIsServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, call := range calls {
		method, path, _ := strings.Cut(call, " ")
		path = strings.NewReplacer("{id}", "none", "{user}", "none").Replace(path)
		rec := w.send(method, path, "")
		unknown := rec.Code == http.StatusNotFound && strings.Contains(rec.Body.String(), "nothing at this path")
		if unknown || rec.Code == http.StatusMethodNotAllowed || rec.Code >= 500 {
			t.Errorf("%s: status %d\n%s", call, rec.Code, rec.Body)
		}
		if rec.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be cached", call)
		}
	}
}
