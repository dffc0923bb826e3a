package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"example.com/autoprovision/shared/fault"
)

// Entry is what counts of one LogEntry.
type Entry struct {
	// Key is the same for each delivery of one entry: Cloud Logging tells
	// entries apart by log, time and insert id.
	Key    string
	Events []Event
}

// Event is one event of an entry.
type Event struct {
	// Name is the event's, in the form of the function Name.
	Name string
	// Users are the addresses of the user: the old and the new one of a rename.
	Users []string
	// Group, Member and OrgUnit are what the event names; empty for nothing.
	// Member is an address; MemberKind is user, group, another word, or empty
	// when the log does not say.
	Group, Member, MemberKind, OrgUnit string
	// Service and Value are of an app that was switched.
	Service, Value string
	// Apps are all names of apps in the event.
	Apps []string
}

// The services whose entries are read.
const (
	adminService  = "admin.googleapis.com"
	groupsService = "cloudidentity.googleapis.com"
)

// logEntry is the part of a LogEntry that is read
// (cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry). Samples differ
// in the order and the number of keys.
type logEntry struct {
	LogName      string `json:"logName"`
	Timestamp    string `json:"timestamp"`
	InsertID     string `json:"insertId"`
	ProtoPayload *struct {
		ServiceName string `json:"serviceName"`
		MethodName  string `json:"methodName"`
		Metadata    struct {
			// The Admin log.
			Event list[adminEvent] `json:"event"`
			// The Enterprise Groups log.
			Group string            `json:"group"`
			Delta list[memberDelta] `json:"membershipDelta"`
		} `json:"metadata"`
	} `json:"protoPayload"`
}

type adminEvent struct {
	EventName  string          `json:"eventName"`
	Parameters list[parameter] `json:"parameter"`
}

type parameter struct {
	Name  string `json:"name"`
	Value text   `json:"value"`
}

type memberDelta struct {
	Member string `json:"member"`
}

// list is a JSON array, or one element without its brackets.
type list[T any] []T

// UnmarshalJSON implements json.Unmarshaler.
func (l *list[T]) UnmarshalJSON(data []byte) error {
	if data = bytes.TrimSpace(data); len(data) > 0 && data[0] == '[' {
		return json.Unmarshal(data, (*[]T)(l))
	}
	var one T
	if err := json.Unmarshal(data, &one); err != nil {
		return err
	}
	*l = list[T]{one}
	return nil
}

// text is a JSON string; another value is as good as none.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) == nil {
		*t = text(s)
	}
	return nil
}

// Parse reads a LogEntry. An entry of a service that is not read has no events.
// fault.Invalid with the reason when it is not a LogEntry of an audit log.
func Parse(data []byte) (Entry, error) {
	const op = "audit: parse entry"
	var raw logEntry
	if err := json.Unmarshal(data, &raw); err != nil {
		return Entry{}, fault.New(fault.Invalid, op, "it is not the JSON of a LogEntry") // the error may quote it
	}
	p := raw.ProtoPayload
	switch {
	case p == nil:
		return Entry{}, fault.New(fault.Invalid, op, "it has no protoPayload")
	case p.ServiceName == "" || p.MethodName == "":
		return Entry{}, fault.New(fault.Invalid, op, "it names no service or no method")
	}
	e := Entry{Key: key(raw, data)}
	method := p.MethodName[strings.LastIndexByte(p.MethodName, '.')+1:]
	switch p.ServiceName {
	case adminService:
		for _, event := range p.Metadata.Event {
			e.Events = append(e.Events, event.read(method)...)
		}
	case groupsService:
		for _, delta := range p.Metadata.Delta {
			event := Event{Name: Name(method), Group: address(p.Metadata.Group)}
			event.MemberKind, event.Member = principal(delta.Member)
			e.Events = append(e.Events, event)
		}
	default:
		return e, nil
	}
	if len(e.Events) == 0 {
		e.Events = []Event{{Name: Name(method), Group: address(p.Metadata.Group)}}
	}
	return e, nil
}

func key(e logEntry, data []byte) string {
	id := []byte(e.LogName + "\n" + e.Timestamp + "\n" + e.InsertID)
	if e.InsertID == "" || e.Timestamp == "" {
		id = data
	}
	sum := sha256.Sum256(id)
	return hex.EncodeToString(sum[:16])
}

// read makes Events of one of the Admin log: one, or one for each member of a
// group that it names. A rename has the old address in USER_EMAIL and the new one
// in NEW_VALUE.
func (a adminEvent) read(method string) []Event {
	e := Event{Name: Name(a.EventName)}
	if e.Name == "" {
		e.Name = Name(method)
	}
	for _, p := range a.Parameters {
		value := string(p.Value)
		switch p.Name {
		case "USER_EMAIL":
			e.Users = append(e.Users, address(value))
		case "NEW_VALUE":
			e.Value = value
		case "GROUP_EMAIL":
			e.Group = address(value)
		case "ORG_UNIT_NAME":
			e.OrgUnit = value
		case "SERVICE_NAME":
			e.Service = value
		}
		if strings.HasSuffix(p.Name, "_NAME") && (strings.Contains(p.Name, "APP") || strings.Contains(p.Name, "SERVICE")) {
			e.Apps = append(e.Apps, value)
		}
	}
	if e.Name == "renameuser" {
		e.Users = append(e.Users, address(e.Value))
	}
	if e.Group == "" || len(e.Users) == 0 {
		return []Event{e}
	}
	events := make([]Event, len(e.Users))
	for i, member := range e.Users {
		events[i] = e
		events[i].Member = member
	}
	return events
}

// principal splits the Enterprise Groups log's "user:a@example.com".
func principal(s string) (kind, who string) {
	kind, who, found := strings.Cut(s, ":")
	if !found {
		return "", address(s)
	}
	return kind, address(who)
}

// address is an address as it is compared, or empty for what is none.
func address(s string) string {
	if _, rest, found := strings.Cut(s, ":"); found {
		s = rest
	}
	s = strings.ToLower(strings.TrimSpace(s))
	at := strings.LastIndexByte(s, '@')
	// RFC 5321 section 4.5.3.1 bounds an address to 320 characters at most.
	if at < 1 || at == len(s)-1 || len(s) > 320 || strings.ContainsAny(s, " \t\r\n/?#\"<>\x00") {
		return ""
	}
	return s
}
