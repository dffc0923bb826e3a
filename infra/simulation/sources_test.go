package simulation

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// channel is an open push channel as the directory knows it.
type channel struct {
	id, token string
	sent      int
}

// notify sends a notification of a change to each open channel: lost, doubled, late or all at once.
func (w *world) notify(p *person) {
	for i := range w.watched {
		ch := &w.watched[i]
		ch.sent++
		if w.chance(w.faults.lost) {
			continue
		}
		times := 1
		if w.chance(w.faults.doubled) {
			times = 2
		}
		for range times {
			delay := time.Duration(w.rng.Int64N(int64(3 * time.Second)))
			if w.chance(w.faults.delayed) {
				delay = time.Duration(w.rng.Int64N(int64(30 * time.Minute)))
			}
			w.queue.push(notification{at: time.Now().Add(delay), channel: ch.id, token: ch.token, number: strconv.Itoa(ch.sent), body: fmt.Sprintf(`{"id":%q}`, p.id), user: p.id})
		}
	}
}

// auditNames are the audit log's names for what happens to a person, by the word that the trace uses.
var auditNames = map[string]string{
	"hired": "CREATE_USER", "suspended": "SUSPEND_USER", "unsuspended": "UNSUSPEND_USER", "archived": "ARCHIVE_USER", "unarchived": "UNARCHIVE_USER",
	"deleted": "DELETE_USER", "restored": "UNDELETE_USER", "moved": "MOVE_USER_TO_ORG_UNIT", "renamed": "RENAME_USER", "changed": "CHANGE_FIRST_NAME",
}

// audit sends an audit message to whoever listens: lost, doubled or late, by
// minutes as Google's log is.
func (w *world) audit(name string, parameters map[string]string) {
	if w.chance(w.faults.lost) {
		return
	}
	type parameter struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	var list []parameter
	for _, key := range []string{"USER_EMAIL", "GROUP_EMAIL"} {
		if value, ok := parameters[key]; ok {
			list = append(list, parameter{key, value})
		}
	}
	w.audited++
	body, err := json.Marshal(map[string]any{
		"insertId": fmt.Sprint("audit", w.audited), "timestamp": time.Now().Add(epoch).UTC().Format(time.RFC3339Nano),
		"protoPayload": map[string]any{"serviceName": "admin.googleapis.com", "methodName": "google.admin.AdminService." + strings.ToLower(name),
			"metadata": map[string]any{"event": []any{map[string]any{"eventName": name, "parameter": list}}}},
	})
	if err != nil {
		panic("simulation: audit: " + err.Error())
	}
	times := 1
	if w.chance(w.faults.doubled) {
		times = 2
	}
	for range times {
		delay := time.Duration(w.rng.Int64N(int64(2 * time.Minute)))
		if w.chance(w.faults.delayed) {
			delay = time.Duration(w.rng.Int64N(int64(6 * time.Hour)))
		}
		w.queue.add(&delivery{queue: messages, at: time.Now().Add(delay), path: "/audit-event", body: body, header: http.Header{}})
	}
}
