package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"example.com/autoprovision/shared/fault"
)

// Problem is a refusal (RFC 9457).
type Problem struct {
	Title  string `json:"title" doc:"The status in words"`
	Status int    `json:"status"`
	Detail string `json:"detail" doc:"What is wrong and what to do"`
	// Errors are not null but absent when no field is at fault.
	Errors    []FieldError `json:"errors,omitempty" nullable:"false" doc:"The fields at fault"`
	RequestID string       `json:"requestId,omitempty" doc:"Finds the entry in the program's own log, for errors of the program"`

	retryAfter time.Duration
}

// FieldError is one field at fault.
type FieldError struct {
	Location string `json:"location" doc:"Such as body.orgUnits[0].path or query.pageSize"`
	Message  string `json:"message"`
}

func newProblem(status int, detail string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Detail: detail}
}

func internal(id string) *Problem {
	p := newProblem(http.StatusInternalServerError, "something went wrong in this program; its log says more under the request id")
	p.RequestID = id
	return p
}

func (p *Problem) Error() string { return p.Detail }

// GetStatus, ContentType and GetHeaders are what the framework asks an error for.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.retryAfter.Seconds()))))
	}
	return h
}

// write sends a problem outside of the framework.
func write(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // a client that is gone needs no answer
}

// refusal is the framework's own refusal of a request, as a problem. What was
// sent is left out of it, and what is no JSON is as invalid as a wrong field.
func refusal(status int, message string, errs ...error) huma.StatusError {
	switch status {
	case http.StatusBadRequest:
		status = http.StatusUnprocessableEntity
	case http.StatusUnsupportedMediaType:
		return newProblem(status, "send JSON, with Content-Type: "+jsonType)
	case http.StatusRequestEntityTooLarge:
		return newProblem(status, fmt.Sprintf("a body has less than %d bytes", maxBody))
	case http.StatusInternalServerError: // the body could not be read to its end
		return newProblem(status, "the request did not arrive whole: send it again")
	}
	p := newProblem(status, message)
	if status == http.StatusUnprocessableEntity && len(errs) == 0 { // the one refusal without a field is of a body that is not there
		p.Errors = append(p.Errors, FieldError{Location: "body", Message: "is missing"})
	}
	for _, err := range errs {
		var d huma.ErrorDetailer
		if errors.As(err, &d) {
			p.Errors = append(p.Errors, fieldError(d.ErrorDetail()))
		}
	}
	p.summarise()
	return p
}

// speak puts the framework's messages into words that say what to write.
func speak() {
	validation.MsgExpectedBoolean = "write true or false"
	validation.MsgExpectedNumber = "write a number"
	validation.MsgExpectedInteger = "write a whole number"
	validation.MsgExpectedString = "write a text, in quotes"
	validation.MsgExpectedArray = "write a list, in square brackets"
	validation.MsgExpectedObject = "write an object, in braces"
	validation.MsgExpectedOneOf = "write one of: %s"
	validation.MsgExpectedBePattern = "write %s"
	validation.MsgExpectedMinimumNumber = "write a number of %v or more"
	validation.MsgExpectedMaximumNumber = "write a number of %v or less"
}

// fieldError locates a missing field where it is missing, not at what should hold
// it, and has words for what the framework's own messages cannot be set to.
func fieldError(d *huma.ErrorDetail) FieldError {
	var name string
	if _, err := fmt.Sscanf(d.Message, validation.MsgExpectedRequiredProperty, &name); err == nil {
		return FieldError{Location: d.Location + "." + name, Message: "is missing"}
	}
	switch {
	case d.Message == validation.MsgUnexpectedProperty:
		return FieldError{Location: named(d.Location), Message: "is not a field here"}
	case d.Message == "unknown query parameter":
		return FieldError{Location: named(d.Location), Message: "is not a parameter here"}
	case d.Message == "invalid integer":
		return FieldError{Location: d.Location, Message: validation.MsgExpectedInteger}
	case strings.HasPrefix(d.Message, "invalid date/time"): // the rest is the layout in Go's own notation
		return FieldError{Location: d.Location, Message: "write a time as in 2026-01-31T08:00:00Z"}
	}
	return FieldError{Location: d.Location, Message: d.Message}
}

// longestName is above that of every field there is.
const longestName = 24

// named is a location as far as its parts can be names of fields: a key may be
// anything, such as a token that was pasted in the wrong place.
func named(location string) string {
	parts := strings.Split(location, ".")
	for i, part := range parts {
		if len(part) > longestName {
			return strings.Join(parts[:i], ".")
		}
	}
	return location
}

// summarise makes the detail of what the errors say.
func (p *Problem) summarise() {
	if len(p.Errors) == 0 {
		return
	}
	slices.SortFunc(p.Errors, func(a, b FieldError) int {
		return cmp.Or(cmp.Compare(a.Location, b.Location), cmp.Compare(a.Message, b.Message))
	})
	p.Detail = p.Errors[0].Location + ": " + p.Errors[0].Message
	if n := len(p.Errors) - 1; n > 0 {
		p.Detail += fmt.Sprintf(" (and %d more, see errors)", n)
	}
}

// patience is how long to wait before the next try when nobody said.
const patience = 10 * time.Second

// status is the one table from kinds of errors to statuses.
func status(kind fault.Kind) int {
	switch kind {
	case fault.Invalid:
		return http.StatusUnprocessableEntity
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict, fault.Unready:
		return http.StatusConflict
	case fault.Unauthorized, fault.Forbidden: // ours, refused by the app or the directory: not now
		return http.StatusConflict
	case fault.Throttled, fault.Unavailable, fault.Incomplete:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// problem is the answer to an error of a use case.
func (a *api) problem(ctx context.Context, op huma.Operation, err error) *Problem {
	found := fault.Each(err)
	at := slices.IndexFunc(found, func(f *fault.Error) bool { return f.Kind != fault.Invalid })
	if at < 0 {
		return invalid(op, found)
	}
	worst := found[at]
	p := newProblem(status(worst.Kind), fault.Words(worst))
	switch worst.Kind {
	case fault.Unauthorized:
		p.Detail = fault.Words(err) + ": renew the credentials of the app (reauthorize) or of the directory"
	case fault.Forbidden:
		p.Detail = fault.Words(err) + ": the app or the directory does not permit this to the credentials it was given"
	case fault.Throttled, fault.Unavailable, fault.Incomplete:
		p.Detail = fault.Words(err) + ": try again in a while"
		p.retryAfter = cmp.Or(worst.RetryAfter, patience)
	case fault.Internal:
		if ctx.Err() != nil { // the client is gone
			return newProblem(http.StatusServiceUnavailable, "the request was given up")
		}
		id := a.service.NewID()
		a.service.Log.ErrorContext(ctx, "api request failed", "request", id, "operation", op.OperationID, "error", err.Error())
		return internal(id)
	}
	return p
}

// invalid names every field at fault.
func invalid(op huma.Operation, found []*fault.Error) *Problem {
	p := newProblem(http.StatusUnprocessableEntity, "")
	for _, f := range found {
		p.Errors = append(p.Errors, FieldError{Location: location(op, f.Field), Message: fault.Words(f)})
	}
	p.summarise()
	return p
}

// location is where in the request a field is.
func location(op huma.Operation, field string) string {
	if op.Method == http.MethodGet {
		return "query." + field
	}
	if op.OperationID == idPreview || op.OperationID == idConfiguration {
		field = inSection(field)
	}
	return strings.TrimSuffix("body."+field, ".")
}
