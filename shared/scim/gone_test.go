package scim_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/scim"
)

// TestGone tells an account that is not there from a 404 of something before
// the app. Only the app's own word counts: a 404 in SCIM form, or its list.
func TestGone(t *testing.T) {
	t.Parallel()
	ofAccounts := []string{simcomeet.CallGet, simcomeet.CallPatch, simcomeet.CallPut, simcomeet.CallDelete}
	for _, form := range []string{"", simcomeet.FormEmpty, simcomeet.FormJSON, simcomeet.FormPage} {
		for _, method := range []string{scim.MethodAuto, scim.MethodPut} {
			for story, there := range map[string]bool{"not there": false, "behind a gateway": true, "behind one that routes lists": true} {
				if there && form == "" {
					continue // the app's own word
				}
				t.Run(fmt.Sprintf("%q %s %s", form, method, story), func(t *testing.T) {
					t.Parallel()
					server := simcomeet.New(nil)
					client := dial(server, func(c *provision.Connection) { c.UpdateMethod = method })
					if _, err := client.Create(t.Context(), "id-bo", person("bo")); err != nil {
						t.Fatal(err)
					}
					ana, err := client.Create(t.Context(), "id-ana", person("ana"))
					if err != nil {
						t.Fatal(err)
					}
					ref := app.Ref{ID: ana.ID, ExternalID: "id-ana", UserName: "ana@example.com"}
					faults := simcomeet.Faults{NotFoundForm: form}
					switch story {
					case "not there":
						if err := server.Remove(ana.ID); err != nil {
							t.Fatal(err)
						}
					case "behind a gateway":
						faults.FailNext, faults.FailStatus = 100, 404
					default:
						faults.FailNext, faults.FailStatus, faults.Only = 100, 404, ofAccounts
					}
					server.SetFaults(faults)
					before := server.Accounts()
					want := fault.NotFound
					if there {
						want = fault.Unavailable
					}
					_, err = client.Get(t.Context(), ref)
					wantKind(t, "get", err, want)
					wantKind(t, "suspend", client.SetActive(t.Context(), ref, false), want)
					_, err = client.Update(t.Context(), ref.ID, "id-ana", person("ana"), person("ana"))
					wantKind(t, "update", err, want)
					if err = client.Delete(t.Context(), ref); there {
						wantKind(t, "delete", err, want)
					} else if err != nil {
						t.Errorf("delete: %v", err)
					}
					if diff := cmp.Diff(before, server.Accounts()); diff != "" {
						t.Errorf("the app (-before +after):\n%s", diff)
					}
				})
			}
		}
	}
}

func wantKind(t *testing.T, act string, err error, want fault.Kind) {
	t.Helper()
	if !fault.Is(err, want) {
		t.Errorf("%s: %v (%v), want %v", act, err, fault.KindOf(err), want)
	}
}

// TestGoneByAnotherName: the list is asked by both of an account's names, since
// either may have been changed by hand, and what is asked costs nothing where
// the app answers in SCIM form.
func TestGoneByAnotherName(t *testing.T) {
	t.Parallel()
	for _, change := range []map[string]any{{"userName": "other@example.com"}, {"externalId": nil}} {
		server := simcomeet.New(nil)
		client := dial(server, nil)
		ana, err := client.Create(t.Context(), "id-ana", person("ana"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := server.Edit(ana.ID, change); err != nil {
			t.Fatal(err)
		}
		server.SetFaults(simcomeet.Faults{NotFoundForm: simcomeet.FormJSON, FailNext: 1, FailStatus: 404, Only: []string{simcomeet.CallDelete}})
		ref := app.Ref{ID: ana.ID, ExternalID: "id-ana", UserName: "ana@example.com"}
		wantKind(t, fmt.Sprint("delete after ", change), client.Delete(t.Context(), ref), fault.Unavailable)
	}
	server := simcomeet.New(nil)
	if _, err := dial(server, nil).Get(t.Context(), app.Ref{ID: "nobody", ExternalID: "id", UserName: "name"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("get: %v", err)
	}
	if diff := cmp.Diff(map[string]int{simcomeet.CallGet: 1}, server.Calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
