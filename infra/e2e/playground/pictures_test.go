package playground

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"example.com/autoprovision/infra/e2e/browser"
	"example.com/autoprovision/infra/e2e/program"
)

var pictures = flag.String("pictures", "", "the folder in which the README's pictures are made anew; none are made without")

// TestPictures makes the README's pictures, of three weeks in a company's life:
//
//	go test ./infra/e2e/playground -run Pictures -pictures ../../docs
func TestPictures(t *testing.T) {
	if *pictures == "" {
		return
	}
	v, b := visit(t), browser.Open(t)
	v.setUp()
	later := func(days int) {
		t.Helper()
		for range days {
			v.send("/clock", "It is 1 day later", "hours", "24")
		}
	}
	hire := func(given, family, unit string) {
		t.Helper()
		v.send("/people", "is hired", "givenName", given, "familyName", family, "title", "Recruiter", "orgUnit", unit)
	}
	for i, given := range []string{"Ada", "Bela", "Cleo", "Dov", "Edda"} {
		later(3)
		for range 1 + i%3 {
			hire(given, "Berg", "/HR")
		}
		v.do("suspend", []string{"yuki.tanaka", "omar.haddad", "carlos.ortega", "liam.obrien", "helen.brooks"}[i]+"@example.com", "is suspended")
		v.Dir("PATCH", "/users/maya.cohen@example.com", object{"name": object{"givenName": "Maya " + given}})
	}
	later(1)
	v.do("suspend", "anton.petrov@example.com", "is suspended")
	v.account("anton.petrov@example.com", "suspended")
	program.Until(t, 30*time.Second, "a sweep of the last day", func() bool { // as there is one every few hours
		sweep, _ := v.API("GET", "", nil, 200)["sweep"].(object)
		at, _ := sweep["startedAt"].(string) // null while it is queued
		started, err := time.Parse(time.RFC3339, at)
		return err == nil && sweep["state"] == "done" && now(v).Sub(started) < time.Hour
	})
	b.Visit(v.Open)
	for name, page := range map[string]struct{ path, theme string }{"home-light.png": {"/", "light"}, "playground-dark.png": {"/playground", "dark"}} {
		b.Visit(v.URL + page.path)
		if err := os.WriteFile(filepath.Join(*pictures, name), b.Picture(page.theme), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
