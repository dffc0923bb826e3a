package scim

import (
	"encoding/json"
	"strconv"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// toAccount reads a resource. One without an id, or whose active is neither
// true nor false, is fault.Incomplete. A missing active counts as true: so a
// suspend that cannot be seen is never taken for done.
func toAccount(op string, resource map[string]any) (provision.Account, error) {
	account := provision.Account{
		ID:         text(lookup(resource, "id")),
		UserName:   text(lookup(resource, "userName")),
		ExternalID: text(lookup(resource, "externalId")),
		Active:     true,
		Attributes: flatten(resource),
	}
	if account.ID == "" {
		return provision.Account{}, fault.New(fault.Incomplete, op, "the app sent an account without an id")
	}
	if value := lookup(resource, "active"); value != nil {
		active, ok := boolean(value)
		if !ok {
			return provision.Account{}, fault.New(fault.Incomplete, op, "the app sent an account whose active is neither true nor false")
		}
		account.Active = active
	}
	return account, nil
}

// text reads a string, also one that a server writes as a number.
func text(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// sameName compares user names without regard to case and to how accents are
// composed (RFC 7643 section 4.1.1: userName is not case-exact).
func sameName(a, b string) bool { return foldName(a) == foldName(b) }

func foldName(s string) string {
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(strings.TrimSpace(s))))
}

// page is one list response, read.
type page struct {
	accounts []provision.Account
	// rows is how many resources it held, total what the app says there are.
	rows, total int
}

// toPage reads a list response (RFC 7644 section 3.4.2). Without totalResults
// nothing could be concluded from what is not in it, so that is fault.Incomplete.
func toPage(op string, object map[string]any) (page, error) {
	total, ok := count(lookup(object, "totalResults"))
	if !ok {
		return page{}, fault.New(fault.Incomplete, op, "the app sent a list without totalResults")
	}
	value := lookup(object, "Resources")
	resources, ok := value.([]any)
	if !ok && value != nil {
		return page{}, fault.New(fault.Incomplete, op, "the app sent a list whose Resources are no list")
	}
	p := page{total: total, rows: len(resources), accounts: make([]provision.Account, 0, len(resources))}
	for _, item := range resources {
		resource, _ := item.(map[string]any)
		account, err := toAccount(op, resource)
		if err != nil {
			return page{}, err
		}
		p.accounts = append(p.accounts, account)
	}
	return p, nil
}

// next is the index of the following page, by the rows received: itemsPerPage
// may be what was asked for. 0 after the last.
func (p page) next(op string, start int) (int, error) {
	following := start + p.rows
	switch {
	case following > p.total:
		return 0, nil
	case p.rows == 0:
		return 0, fault.New(fault.Incomplete, op, "the app sent an empty page at %d of %d", start, p.total)
	}
	return following, nil
}

// count reads a number of things; ok is false when it is none.
func count(value any) (int, bool) {
	number, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(number.String(), 10, 32)
	return int(n), err == nil && n >= 0
}
