package program

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// Object is a JSON object.
type Object = map[string]any

// Call sends JSON and returns the status and the decoded answer.
func Call(ctx context.Context, method, address, token string, body any) (int, Object, error) {
	var in io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		in = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, in)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, nil, err
	}
	var out Object
	if len(data) > 0 {
		if err := json.Unmarshal(data, &out); err != nil {
			return resp.StatusCode, nil, fmt.Errorf("%s: %w", data, err)
		}
	}
	return resp.StatusCode, out, nil
}

const apiRoot = "/api/v1/apps/comeet"

// API calls the program's API and expects a status.
func (p *Program) API(method, path string, body any, want int) Object {
	p.t.Helper()
	status, out, err := Call(p.t.Context(), method, p.URL+apiRoot+path, AdminToken, body)
	if err != nil {
		p.t.Fatalf("%s %s: %v\n%s", method, path, err, p.Log())
	}
	if status != want {
		p.t.Fatalf("%s %s: %d, want %d: %v\n%s", method, path, status, want, out, p.Log())
	}
	return out
}

// Dir calls the directory.
func (p *Program) Dir(method, path string, body any) Object {
	p.t.Helper()
	status, out, err := Call(p.t.Context(), method, p.Directory+"/admin/directory/v1"+path, "", body)
	if err != nil || status >= 300 {
		p.t.Fatalf("directory %s %s: %d %v %v", method, path, status, out, err)
	}
	return out
}

// Everybody is the scope of the whole company.
func Everybody() Object {
	return Object{"orgUnits": []Object{{"path": "/", "on": true}}, "accessGroups": []string{}, "groups": []string{}, "domains": []string{}}
}

// SetUp authorizes, sets scope and time frames, turns on, and waits for the first sweep.
func (p *Program) SetUp(scope, frames Object) {
	p.t.Helper()
	p.API("PUT", "/authorization", Object{"accessToken": p.AppToken}, 200)
	p.API("PUT", "/scope", scope, 200)
	p.API("PUT", "/deprovisioning", frames, 200)
	p.API("POST", "/turnOn", nil, 200)
	p.SweepDone(30 * time.Second)
}

// SweepDone waits for the sweep to end, and for it to be done.
func (p *Program) SweepDone(limit time.Duration) {
	p.t.Helper()
	Until(p.t, limit, "sweep done", func() bool {
		st := p.API("GET", "", nil, 200)
		sweep, _ := st["sweep"].(Object)
		if sweep["state"] == "failed" {
			p.t.Fatalf("the sweep failed: %v\n%s", sweep["reason"], p.Log())
		}
		return sweep["state"] == "done"
	})
}

// User explains one person, by id or address.
func (p *Program) User(key string) Object { return p.API("GET", "/users/"+key, nil, 200) }

// AccountState is active, suspended or none.
func (p *Program) AccountState(key string) string {
	account, _ := p.User(key)["account"].(Object)
	state, _ := account["state"].(string)
	return state
}

// Events are the whole log, or its entries of one name.
func (p *Program) Events(name string) []Object {
	p.t.Helper()
	var all []Object
	for token := ""; ; {
		path := "/events?pageSize=500&pageToken=" + token
		if name != "" {
			path += "&name=" + url.QueryEscape(name)
		}
		page := p.API("GET", path, nil, 200)
		for _, item := range page["items"].([]any) {
			all = append(all, item.(Object))
		}
		if token, _ = page["nextPageToken"].(string); token == "" {
			return all
		}
	}
}

// Until polls until a condition holds, and says how long it took.
func Until(t *testing.T, limit time.Duration, what string, holds func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Since(began) > limit {
			t.Fatalf("not within %v: %s", limit, what)
		}
		<-tick.C
	}
	return time.Since(began)
}
