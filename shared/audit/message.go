package audit

import (
	"encoding/json"

	"example.com/autoprovision/shared/fault"
)

// envelope is each of the forms in which a LogEntry comes: what Pub/Sub pushes
// and what an Eventarc trigger posts in binary mode, {"message":{"data":base64}};
// a CloudEvent in structured mode with one of these as its data; and the entry
// itself.
type envelope struct {
	Message *struct {
		Data []byte `json:"data"`
	} `json:"message"`
	SpecVersion  string          `json:"specversion"`
	Data         json.RawMessage `json:"data"`
	DataBase64   []byte          `json:"data_base64"`
	ProtoPayload json.RawMessage `json:"protoPayload"`
}

// Unwrap is the LogEntry in the body of a delivery. fault.Invalid when there is none.
func Unwrap(body []byte) ([]byte, error) {
	const op = "audit: unwrap message"
	var e envelope
	if json.Unmarshal(body, &e) != nil {
		return nil, fault.New(fault.Invalid, op, "the body is not a Pub/Sub message or CloudEvent in JSON")
	}
	if e.SpecVersion != "" { // cloudevents JSON format 1.0, section 3.1
		inner := e.DataBase64
		if len(inner) == 0 {
			inner = e.Data
		}
		e = envelope{}
		if json.Unmarshal(inner, &e) != nil || e.SpecVersion != "" {
			return nil, fault.New(fault.Invalid, op, "the CloudEvent has no data that is a message")
		}
		body = inner
	}
	switch {
	case e.Message != nil && len(e.Message.Data) > 0:
		return e.Message.Data, nil
	case len(e.ProtoPayload) > 0:
		return body, nil
	}
	return nil, fault.New(fault.Invalid, op, "the message has no data")
}
