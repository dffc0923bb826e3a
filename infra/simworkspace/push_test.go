package simworkspace

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// receiver keeps what was pushed to it.
type receiver struct {
	mu    sync.Mutex
	got   []push
	codes []int // to answer with, in turn; then 204
}

type push struct {
	state, channel, token, resource, body string
	number                                int64
	at                                    time.Time
}

func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	number, err := strconv.ParseInt(req.Header.Get("X-Goog-Message-Number"), 10, 64)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, push{
		state: req.Header.Get("X-Goog-Resource-State"), channel: req.Header.Get("X-Goog-Channel-ID"),
		token: req.Header.Get("X-Goog-Channel-Token"), resource: req.Header.Get("X-Goog-Resource-ID"),
		body: string(body), number: number, at: time.Now(),
	})
	code := http.StatusNoContent
	if len(r.codes) > 0 {
		code, r.codes = r.codes[0], r.codes[1:]
	}
	return &http.Response{StatusCode: code, Body: http.NoBody, Request: req}, nil
}

func (r *receiver) states() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, p := range r.got {
		out = append(out, p.state)
	}
	return strings.Join(out, " ")
}

const watchBody = `{"id":"channel-1","type":"web_hook","address":"https://push.invalid/","token":"secret","payload":true,"params":{"ttl":"3600"}}`

// watching returns a Workspace with one open channel, within a bubble.
func watching(t *testing.T, r *receiver) (*Workspace, map[string]any) {
	t.Helper()
	w := New(1, &Options{Push: &http.Client{Transport: r}})
	w.Seed(DefaultCompany())
	return w, ok(t, w, "POST", "/users/watch?customer=my_customer", watchBody)
}

func TestNotifications(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		w, channel := watching(t, r)
		defer w.Close()
		if want := strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli(), 10); channel["expiration"] != want {
			t.Errorf("channel %v, want expiration %s", channel, want)
		}
		id := ok(t, w, "POST", "/users", `{"primaryEmail":"new@example.com","name":{"givenName":"N","familyName":"N"}}`)["id"].(string)
		ok(t, w, "PATCH", "/users/"+id, `{"suspended":true}`)
		ok(t, w, "POST", "/users/"+id+"/makeAdmin", `{"status":true}`)
		ok(t, w, "DELETE", "/users/"+id, "")
		ok(t, w, "POST", "/users/"+id+"/undelete", `{}`)
		ok(t, w, "POST", "/groups/alumni@example.com/members", `{"email":"new@example.com"}`) // no event
		ok(t, w, "PATCH", "/customer/my_customer/orgunits/Sales", `{"name":"Revenue"}`)       // no event
		synctest.Wait()
		if got := r.states(); got != "sync add update makeAdmin delete undelete" {
			t.Fatalf("got %s", got)
		}
		last := int64(0)
		for i, p := range r.got {
			if p.channel != "channel-1" || p.token != "secret" || p.resource != channel["resourceId"] || p.number <= last {
				t.Errorf("got %+v", p)
			}
			last = p.number
			if i > 0 && !strings.Contains(p.body, fmt.Sprintf(`"id":%q`, id)) {
				t.Errorf("body %s", p.body)
			}
		}
		if r.got[0].number != 1 || r.got[0].body != "" {
			t.Errorf("sync %+v", r.got[0])
		}
	})
}

func TestNotificationsAreRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{codes: []int{204, 503, 500, 204, 404}}
		w, _ := watching(t, r)
		defer w.Close()
		ok(t, w, "PATCH", "/users/maya.cohen@example.com", `{"suspended":true}`)
		ok(t, w, "DELETE", "/users/noa.levi@example.com", "") // waits its turn; 404 is not repeated
		synctest.Wait()
		if n := w.Sending(); n != 2 {
			t.Errorf("%d on their way, want 2", n)
		}
		<-time.After(time.Minute) // virtual
		if got := r.states(); got != "sync update update update delete" || w.Sending() != 0 {
			t.Errorf("got %s, %d on their way", got, w.Sending())
		}
		if r.got[1].number != r.got[3].number {
			t.Error("a repeated message has another number")
		}
	})
}

func TestChannelEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		w, channel := watching(t, r)
		defer w.Close()
		synctest.Wait()
		refused(t, w, "POST", "/users/watch?customer=my_customer", watchBody, 400, "channelIdNotUnique")
		stop := fmt.Sprintf(`{"id":"channel-1","resourceId":%q}`, channel["resourceId"])
		if code, _ := do(t, w, "POST", "/admin/directory_v1/channels/stop", stop); code != 204 {
			t.Errorf("stop: %d", code)
		}
		refused(t, w, "POST", "/admin/directory_v1/channels/stop", stop, 404, "notFound")
		ok(t, w, "POST", "/users/watch?customer=my_customer&event=delete", strings.Replace(watchBody, "channel-1", "channel-2", 1))
		synctest.Wait()
		ok(t, w, "PATCH", "/users/maya.cohen@example.com", `{"suspended":true}`)
		ok(t, w, "DELETE", "/users/maya.cohen@example.com", "")
		synctest.Wait()
		<-time.After(time.Hour) // virtual: the channel has expired
		ok(t, w, "DELETE", "/users/noa.levi@example.com", "")
		synctest.Wait()
		if got := r.states(); got != "sync sync delete" {
			t.Errorf("got %s", got)
		}
	})
}

func TestFaultsOfPushes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		w, _ := watching(t, r)
		defer w.Close()
		w.SetFaults(Faults{DropPushes: 1, DuplicatePushes: 1, DelayPushesMS: 5000})
		start := time.Now()
		ok(t, w, "PATCH", "/users/maya.cohen@example.com", `{"suspended":true}`)
		ok(t, w, "DELETE", "/users/maya.cohen@example.com", "")
		ok(t, w, "DELETE", "/users/noa.levi@example.com", "")
		<-time.After(6 * time.Second) // virtual
		if got := r.states(); got != "sync delete delete delete" {
			t.Fatalf("got %s", got)
		}
		if took := r.got[3].at.Sub(start); took != 5*time.Second {
			t.Errorf("delivered after %v", took)
		}
	})
}

func TestWatchIsChecked(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	for _, body := range []string{
		`{"type":"web_hook","address":"https://push.invalid/"}`,
		`{"id":"a","type":"email","address":"https://push.invalid/"}`,
		`{"id":"a","type":"web_hook","address":"nonsense"}`,
		`{"id":"a","type":"web_hook","address":"https://push.invalid/","token":"` + strings.Repeat("x", 257) + `"}`,
	} {
		if code, text := do(t, w, "POST", "/users/watch?customer=my_customer", body); code != 400 {
			t.Errorf("%s: %d %s", body, code, text)
		}
	}
}
