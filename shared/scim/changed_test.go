package scim_test

import (
	"net/http"
	"testing"

	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/scim"
)

// TestChangedMeanwhile: an account that somebody else changes between our reading
// and our writing is written all the same, with their change; only where that
// never ends is it given up, which is no refusal of the app's (R19).
func TestChangedMeanwhile(t *testing.T) {
	t.Parallel()
	for _, times := range []int{1, 9} {
		server := simcomeet.New(nil)
		conn := connection()
		conn.UpdateMethod = scim.MethodPut
		id, changed := "", 0
		client := scim.New(conn, fixed(server.Token()), &scim.Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPut && changed < times {
				changed++
				if _, err := server.Edit(id, map[string]any{"title": "by hand"}); err != nil {
					t.Error(err)
				}
			}
			return server.Transport().RoundTrip(r)
		})})
		account, err := client.Create(t.Context(), "1", person("ana"))
		if err != nil {
			t.Fatal(err)
		}
		id = account.ID
		err = client.SetActive(t.Context(), app.Ref{ID: id, ExternalID: "1"}, false)
		if times > 1 {
			if !fault.Is(err, fault.Unavailable) {
				t.Errorf("changed each time: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		account, err = client.Get(t.Context(), app.Ref{ID: id, ExternalID: "1"})
		if err != nil || account.Active || account.Attributes["title"] != "by hand" {
			t.Errorf("active %t, attributes %v, %v", account.Active, account.Attributes, err)
		}
	}
}
