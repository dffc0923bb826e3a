package pages_test

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestConfigurationAsAFile is downloaded, changed, previewed, and saved with its preview.
func TestConfigurationAsAFile(t *testing.T) {
	t.Parallel()
	w := on(t)
	res := w.send("GET", "/settings/file/configuration.json", nil)
	document := w.body(res, http.StatusOK, "download")
	if !strings.Contains(res.Header.Get("Content-Disposition"), `filename="configuration.json"`) || !json.Valid([]byte(document)) {
		t.Fatalf("%v\n%s", res.Header, document)
	}
	edited := strings.Replace(document, `"path": "/",
        "on": true
      }`, `"path": "/",
        "on": true
      },
      {"path": "/Finance", "on": false}`, 1)
	edited = strings.Replace(edited, `"appOff": {}`, `"appOff": {"suspendAfter": "within24h"}`, 1)
	edited = strings.Replace(edited, `"concurrency": 4`, `"concurrency": 3`, 1)
	preview := w.post("/settings/file", url.Values{"document": {edited}}, "/previews/")
	page := w.until(preview, func(page string) bool { return strings.Contains(page, `class="tiles"`) })
	for _, want := range []string{"your edit of the configuration", "fatima.zahra@example.com", "/settings/file?draft="} {
		if !strings.Contains(page, want) {
			t.Errorf("the preview does not show %q", want)
		}
	}
	if page := w.get(http.StatusOK, "/settings/file?draft="+strings.TrimPrefix(preview, "/previews/")); !strings.Contains(page, "/Finance") {
		t.Error("going back to the form loses the document")
	}
	w.post(preview+"/save", nil, "/settings")
	w.until("/people/fatima.zahra@example.com", func(page string) bool { return strings.Contains(page, "is suspended (deactivated)") })
	if c, _ := w.system.Store.Configuration(t.Context()); c.Connection.Concurrency != 3 || len(c.Scope.OrgUnits) != 2 {
		t.Errorf("stored %+v, %+v", c.Connection, c.Scope)
	}
}

// TestFileIsRefused: what is missing from a document, or wrong in it, is named, and what was sent is kept.
func TestFileIsRefused(t *testing.T) {
	t.Parallel()
	w := configured(t)
	document := w.body(w.send("GET", "/settings/file/configuration.json", nil), http.StatusOK, "download")
	for _, test := range []struct{ document, says string }{
		{" ", "Choose a file, or paste a document."},
		{"{", "This is no JSON document: line 1"},
		{`{"scope":{"orgUnits":[],"groups":null}}`, "scope.groups: is missing"},
		{`{}`, "protected: is missing: a configuration is replaced as a whole"},
		{strings.Replace(document, `"/"`, `"/Nowhere"`, 1), "the directory has no org unit"},
		{strings.Replace(document, `"deleteAfter": "7d"`, `"deleteAfter": "within24h"`, 1), "suspended.deleteAfter: the hard delete must come later"},
	} {
		page := w.refuse(http.StatusUnprocessableEntity, "/settings/file", url.Values{"document": {test.document}}, test.says)
		if kept := strings.TrimSpace(test.document); !strings.Contains(page, strings.ReplaceAll(kept[:min(8, len(kept))], `"`, "&#34;")) {
			t.Errorf("%s: what was sent is gone", test.says)
		}
	}
}

// TestFileIsUploaded: a file that is chosen counts before what is pasted.
func TestFileIsUploaded(t *testing.T) {
	t.Parallel()
	w := configured(t)
	document := w.body(w.send("GET", "/settings/file/configuration.json", nil), http.StatusOK, "download")
	for name, want := range map[string]string{document: "/previews/", "{}": ""} {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		part, err := form.CreateFormFile("file", "configuration.json")
		check(t, err)
		_, err = part.Write([]byte(name))
		check(t, err)
		check(t, form.WriteField("document", "not this"))
		check(t, form.Close())
		r := httptest.NewRequest("POST", "/settings/file", &body)
		r.Header.Set("Content-Type", form.FormDataContentType())
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.AddCookie(&http.Cookie{Name: "autoprovision-session", Value: w.cookies["autoprovision-session"]})
		rec := httptest.NewRecorder()
		w.pages.ServeHTTP(rec, r)
		if to := rec.Result().Header.Get("Location"); want != "" && !strings.HasPrefix(to, want) || want == "" && rec.Code != http.StatusUnprocessableEntity {
			t.Errorf("%d to %q\n%s", rec.Code, to, rec.Body)
		}
	}
}

// TestFileTooLarge: what is too large is said to be, with how large it may be.
func TestFileTooLarge(t *testing.T) {
	t.Parallel()
	w := configured(t)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("file", "configuration.json")
	check(t, err)
	_, err = file.Write(bytes.Repeat([]byte(" "), 2<<20))
	check(t, err)
	check(t, form.Close())
	plain := url.Values{"document": {strings.Repeat(" ", 2<<20)}}.Encode()
	for contentType, sent := range map[string]string{form.FormDataContentType(): body.String(), "application/x-www-form-urlencoded": plain} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/settings/file", strings.NewReader(sent))
		r.Header.Set("Content-Type", contentType)
		r.AddCookie(&http.Cookie{Name: "autoprovision-session", Value: w.cookies["autoprovision-session"]})
		rec := httptest.NewRecorder()
		w.pages.ServeHTTP(rec, r)
		if page := rec.Body.String(); rec.Code != http.StatusUnprocessableEntity || !strings.Contains(page, "What was sent is larger than 1 MB, the most that a page takes") {
			t.Errorf("%s: %d %s", contentType, rec.Code, page)
		}
	}
}
