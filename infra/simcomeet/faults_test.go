package simcomeet

import (
	"io"
	"net/http/httptest"
	"net/url"
	"testing"
)

func TestOneAccountFails(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	ana, bo := base+"/Users/"+c.make("ana"), base+"/Users/"+c.make("bo")
	promote := patch(op("replace", "title", "Chef"))
	s.SetFaults(Faults{FailReads: []string{"ANA@example.com"}})
	c.want(500, "GET", ana, nil)
	c.want(200, "PATCH", ana, promote)
	c.want(200, "GET", bo, nil)
	if got := c.want(200, "GET", base+"/Users", nil); got["totalResults"] != 2.0 {
		t.Errorf("the listing has %v", got["totalResults"])
	}
	s.SetFaults(Faults{FailWrites: []string{s.Accounts()[0].ID}, FailStatus: 503})
	c.want(200, "GET", ana, nil)
	for _, method := range []string{"PATCH", "PUT", "DELETE"} {
		c.want(503, method, ana, promote)
	}
	c.want(200, "PATCH", bo, promote)
	if len(s.Accounts()) != 2 {
		t.Error("a failed call acted")
	}
}

func TestForms404(t *testing.T) {
	t.Parallel()
	const gateway = `{"message":"no Route matched with those values"}`
	for form, want := range map[string]struct{ media, body string }{
		FormEmpty: {"", ""}, FormJSON: {"application/json; charset=utf-8", gateway},
		FormPage: {"text/html; charset=utf-8", "<!doctype html><title>Page not found</title><h1>404</h1>"},
	} {
		s, c := start(t)
		there := base + "/Users/" + c.make("ana")
		for path, faults := range map[string]Faults{
			base + "/Users/nobody": {NotFoundForm: form},
			there:                  {NotFoundForm: form, FailNext: 1, FailStatus: 404, Only: []string{CallGet}},
		} {
			s.SetFaults(faults)
			r := httptest.NewRequestWithContext(t.Context(), "GET", "http://sim"+path, nil)
			r.Header.Set("Authorization", "Bearer "+c.token)
			resp, err := s.Transport().RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if got := resp.Header.Get("Content-Type"); err != nil || resp.StatusCode != 404 || got != want.media || string(body) != want.body {
				t.Errorf("%s: status %d, %q, %q, %v", form, resp.StatusCode, got, body, err)
			}
		}
		c.want(200, "GET", there, nil)
	}
}

func TestNamesWithTheirCase(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	c.make("ana")
	find := func(name string) any {
		return c.want(200, "GET", base+"/Users?filter="+url.QueryEscape(`userName eq "`+name+`"`), nil)["totalResults"]
	}
	s.SetFaults(Faults{ExactFilters: true})
	if exact, other := find("ana@example.com"), find("Ana@example.com"); exact != 1.0 || other != 0.0 {
		t.Errorf("found %v by the name and %v by it in another case", exact, other)
	}
	again := person("Ana")
	c.want(409, "POST", base+"/Users", again)
	s.SetFaults(Faults{ExactNames: true})
	c.want(201, "POST", base+"/Users", again)
	c.want(409, "POST", base+"/Users", again)
}
