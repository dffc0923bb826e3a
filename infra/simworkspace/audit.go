package simworkspace

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// auditOrg stands for the number of the customer's Google Cloud organization.
	auditOrg = "100000000001"
	auditLog = "organizations/" + auditOrg + "/logs/cloudaudit.googleapis.com%2Factivity"
	// auditBoxes send side by side, as Pub/Sub does: messages have no order.
	auditBoxes = 8
)

// auditSink is where the audit log's entries are pushed to, each as a message
// of Pub/Sub in a binary-mode CloudEvent, which is what a trigger posts.
type auditSink struct {
	url    string
	client *http.Client
	boxes  [auditBoxes]*outbox
	sent   int // numbers the messages; guarded by the Workspace's lock
}

// SendAudit sends an entry of the audit log for every change from now on to a
// URL; to none when it is empty. At first none are sent.
func (w *Workspace) SendAudit(url string) {
	w.mu.Lock()
	old := w.audit
	w.audit = nil
	if url != "" {
		w.audit = &auditSink{url: url, client: w.push}
		for i := range w.audit.boxes {
			w.audit.boxes[i] = newOutbox()
		}
	}
	w.mu.Unlock()
	old.close()
}

func (s *auditSink) close() {
	if s == nil {
		return
	}
	for _, box := range s.boxes {
		box.stop()
	}
	for _, box := range s.boxes {
		<-box.ended
	}
}

type parameter struct {
	Label string `json:"label"`
	Type  string `json:"type"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

// record sends an entry of the Admin log; parameters are names and values in
// turn. The lock is held.
func (w *Workspace) record(event, kind string, parameters ...string) {
	if w.audit == nil {
		return
	}
	var list []parameter
	for i := 0; i < len(parameters); i += 2 {
		list = append(list, parameter{"LABEL_OPTIONAL", "TYPE_STRING", parameters[i], parameters[i+1]})
	}
	at := w.clock()
	w.send("admin.googleapis.com", "google.admin.AdminService."+lowerCamel(event), at, object{
		{"@type", "type.googleapis.com/ccc_hosted_reporting.ActivityProto"},
		{"activityId", object{{"timeUsec", strconv.FormatInt(at.UnixMicro(), 10)}, {"uniqQualifier", strconv.Itoa(-w.audit.sent - 1)}}},
		{"event", []object{{{"eventName", event}, {"eventType", kind}, {"parameter", list}}}},
	})
}

// recordMember sends what the Admin log and the Enterprise Groups log say of a
// membership. The lock is held.
func (w *Workspace) recordMember(event, action string, g *group, m member) {
	if w.audit == nil {
		return
	}
	kind, email := "user", m.email
	if u := w.users[m.id]; u != nil {
		email = u.email
	} else if inner := w.groups[m.id]; inner != nil {
		kind, email = "group", inner.email
	} else if m.kind == memberCustomer {
		kind, email = "customer", m.id
	}
	if kind != "customer" {
		w.record(event, "GROUP_SETTINGS", "USER_EMAIL", email, "GROUP_EMAIL", g.email)
	}
	w.send("cloudidentity.googleapis.com", "google.apps.cloudidentity.groups.v1.MembershipsService.UpdateMembership", w.clock(), object{
		{"@type", "type.googleapis.com/google.cloud.audit.GroupAuditMetadata"}, {"group", "group:" + g.email},
		{"membershipDelta", object{{"member", kind + ":" + email}, {"roleDeltas", []object{{{"action", action}, {"role", m.role}}}}}},
	})
}

// recordChange sends an entry for each thing that an edit of a user changed.
func (w *Workspace) recordChange(old, u *user) {
	say := func(event string, more ...string) {
		w.record(event, "USER_SETTINGS", append([]string{"USER_EMAIL", old.email}, more...)...)
	}
	if w.audit == nil {
		return
	}
	before := w.audit.sent
	switch {
	case u.suspended && !old.suspended:
		say("SUSPEND_USER")
	case old.suspended && !u.suspended:
		say("UNSUSPEND_USER")
	}
	switch {
	case u.archived && !old.archived:
		say("ARCHIVE_USER")
	case old.archived && !u.archived:
		say("UNARCHIVE_USER")
	}
	if old.name.GivenName != u.name.GivenName {
		say("CHANGE_FIRST_NAME", "OLD_VALUE", old.name.GivenName, "NEW_VALUE", u.name.GivenName)
	}
	if old.name.FamilyName != u.name.FamilyName {
		say("CHANGE_LAST_NAME", "OLD_VALUE", old.name.FamilyName, "NEW_VALUE", u.name.FamilyName)
	}
	if old.unitID != u.unitID {
		say("MOVE_USER_TO_ORG_UNIT", "ORG_UNIT_NAME", w.units[old.unitID].pathOr(""), "NEW_VALUE", w.units[u.unitID].pathOr(""))
	}
	if old.email != u.email {
		say("RENAME_USER", "NEW_VALUE", u.email)
	}
	if w.audit.sent == before {
		say("CHANGE_USER_ORGANIZATION")
	}
}

func (u *unit) pathOr(none string) string {
	if u == nil {
		return none
	}
	return u.path
}

// send puts one entry on its way.
func (w *Workspace) send(service, method string, at time.Time, metadata object) {
	w.audit.sent++
	number := w.audit.sent
	copies, delay := w.faults.audits()
	stamp := at.UTC().Format(time.RFC3339Nano)
	entry, err := mask(nil).appendJSON(nil, object{
		{"protoPayload", object{
			{"@type", "type.googleapis.com/google.cloud.audit.AuditLog"},
			{"authenticationInfo", object{{"principalEmail", "admin@" + w.domains[0].name}}},
			{"requestMetadata", object{{"callerIp", "203.0.113.1"}}},
			{"serviceName", service}, {"methodName", method}, {"resourceName", "organizations/" + auditOrg},
			{"metadata", metadata},
		}},
		{"insertId", "sim" + strconv.Itoa(number)},
		{"resource", object{{"type", "audited_resource"}, {"labels", object{{"service", service}, {"method", method}}}}},
		{"timestamp", stamp}, {"severity", "NOTICE"}, {"logName", auditLog}, {"receiveTimestamp", stamp},
	})
	if err != nil {
		return
	}
	sink := w.audit
	for range copies {
		sink.boxes[number%auditBoxes].add(delivery{time.Now().Add(delay), func(ctx context.Context) error { return sink.post(ctx, number, entry) }})
	}
}

// post sends one message; whatever is not a success is sent again
// (https://cloud.google.com/pubsub/docs/push#receive_push).
func (s *auditSink) post(ctx context.Context, number int, entry []byte) error {
	body, err := json.Marshal(map[string]any{
		"message":      map[string]any{"data": entry, "messageId": strconv.Itoa(number), "publishTime": time.Now().UTC().Format(time.RFC3339Nano)},
		"subscription": "projects/simulated/subscriptions/audit",
	})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	for key, value := range map[string]string{
		"Content-Type": "application/json", "Ce-Id": strconv.Itoa(number), "Ce-Specversion": "1.0",
		"Ce-Type": "google.cloud.pubsub.topic.v1.messagePublished", "Ce-Source": "//pubsub.googleapis.com/projects/simulated/topics/audit",
	} {
		req.Header.Set(key, value)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
	if resp.StatusCode/100 != 2 {
		return statusError(resp.StatusCode)
	}
	return nil
}

// lowerCamel is ADD_GROUP_MEMBER as addGroupMember.
func lowerCamel(event string) string {
	var out strings.Builder
	for i, word := range strings.Split(strings.ToLower(event), "_") {
		if i > 0 && word != "" {
			word = strings.ToUpper(word[:1]) + word[1:]
		}
		out.WriteString(word)
	}
	return out.String()
}

// controlAudit serves what turns the sending of audit entries on and off.
func (w *Workspace) controlAudit(mux *http.ServeMux) {
	mux.HandleFunc("PUT /sim/audit", func(out http.ResponseWriter, r *http.Request) {
		var request struct {
			URL string `json:"url"`
		}
		if err := body(r, &request); err != nil {
			refuse(out, err)
			return
		}
		w.SendAudit(request.URL)
		respond(out, http.StatusOK, nil, object{{"url", request.URL}})
	})
}
