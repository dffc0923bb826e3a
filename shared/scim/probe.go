package scim

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/fault"
)

// Probe reads what shows how the app behaves, about ten small requests.
func (c *Client) Probe(ctx context.Context) (app.Report, error) {
	p := probe{client: c, ctx: ctx, report: app.Report{Suggested: c.connection}}
	first, err := c.query(ctx, "scim: probe accounts", window("1", "1"))
	if fault.Is(err, fault.Forbidden) {
		err = fault.Wrap(fault.Unauthorized, "scim: probe accounts", err)
	}
	if err != nil && !fault.Is(err, fault.Incomplete) {
		return app.Report{}, err
	}
	p.add("token", true, "the app accepts the token", "accounts can be read")
	p.discovery()
	p.schemas()
	p.filter("userName", "probe-"+uuid.NewString()+"@example.invalid")
	p.filter("externalId", "probe-"+uuid.NewString())
	p.paging(first, err)
	p.errors()
	return p.report, nil
}

// probe is one run of Probe.
type probe struct {
	client *Client
	ctx    context.Context
	report app.Report
}

func (p *probe) add(check string, ok bool, found, meaning string) {
	p.report.Findings = append(p.report.Findings, app.Finding{Check: check, OK: ok, Found: found, Meaning: meaning})
}

// unclear records a check that got no usable answer.
func (p *probe) unclear(check string, err error, meaning string) {
	p.add(check, false, "no usable answer: "+err.Error(), meaning)
}

func (p *probe) discovery() {
	config, err := p.client.serviceConfig(p.ctx)
	if err != nil {
		p.unclear("discovery", err, "probe again later")
		return
	}
	if !config.known {
		p.add("discovery", false, "the app does not describe itself (/ServiceProviderConfig)",
			"leave the update method on auto: PATCH is tried, and PUT used if it is refused")
		return
	}
	p.add("discovery", true, "the app describes itself (/ServiceProviderConfig)", "no setting follows from this")
	if config.patch {
		p.report.Suggested.UpdateMethod = MethodPatch
		p.add("patch", true, "PATCH is supported", "update method: patch, one request an update")
	} else {
		p.report.Suggested.UpdateMethod = MethodPut
		p.add("patch", false, "PATCH is not supported", "update method: put, a read and a write an update")
	}
	if n := config.maxResults; n > 0 && n < p.report.Suggested.PageSize {
		p.report.Suggested.PageSize = n
		p.add("paging", true, fmt.Sprintf("at most %d accounts a page", n), fmt.Sprintf("page size: %d", n))
	}
}

// schemas looks for attributes that the app says are required.
func (p *probe) schemas() {
	r, err := p.client.do(p.ctx, request{op: "scim: read schema", method: http.MethodGet, path: "/Schemas/" + UserSchema})
	if err != nil {
		p.add("schemas", false, "the app does not describe its attributes (/Schemas)", "map the mandatory attributes, and try with one person before adding others")
		return
	}
	required := requiredAttributes(lookup(r.object, "attributes"))
	if len(required) == 0 {
		p.add("schemas", true, "the app requires no attribute by its own description", "no setting follows from this")
		return
	}
	p.add("schemas", true, "the app requires "+strings.Join(required, ", "), "each of these must be mapped")
}

// requiredAttributes are the names of those that a client must write (RFC 7643 section 7).
func requiredAttributes(value any) []string {
	list, _ := value.([]any)
	var names []string
	for _, item := range list {
		attribute, _ := item.(map[string]any)
		required, _ := boolean(lookup(attribute, "required"))
		name := text(lookup(attribute, "name"))
		if required && name != "" && text(lookup(attribute, "mutability")) != "readOnly" {
			names = append(names, cut(name, 60))
		}
	}
	return names
}

// filter asks for a value that nobody has: an app that honours it answers with no row.
func (p *probe) filter(attribute, value string) {
	const slow = "each look-up of an account reads the whole list: keep the list short, or expect a slow first run"
	query := p.client.window(1)
	query.Set("filter", filter(attribute, value))
	found, err := p.client.query(p.ctx, "scim: probe filter", query)
	switch {
	case fault.Is(err, fault.Invalid):
		p.add("filter", false, "a filter by "+attribute+" is refused", slow)
	case err != nil:
		p.unclear("filter", err, "probe again later")
	case found.rows > 0 || found.total > 0:
		p.add("filter", false, "a filter by "+attribute+" is ignored: a made-up value finds accounts", slow)
	default:
		p.add("filter", true, "a filter by "+attribute+" is honoured", "accounts are found with one request")
	}
}

// paging judges the first page of one, and asks for the second.
func (p *probe) paging(first page, err error) {
	if err != nil {
		p.unclear("paging", err, "accounts cannot be listed, so a sweep cannot end: ask the app's support")
		return
	}
	if first.rows > 1 {
		p.add("paging", first.rows == first.total, fmt.Sprintf("the app ignores count: asked for 1, it sent %d of %d", first.rows, first.total), "a sweep takes pages as they come")
		return
	}
	if first.total < 2 || first.rows == 0 {
		p.add("paging", first.total == first.rows, fmt.Sprintf("the app has %d accounts and sent %d", first.total, first.rows), "paging shows itself with two accounts or more; probe again then")
		return
	}
	second, err := p.client.query(p.ctx, "scim: probe paging", window("2", "1"))
	switch {
	case err != nil:
		p.unclear("paging", err, "probe again later")
	case second.rows == 0:
		p.add("paging", false, "the second page is empty although there are more accounts", "accounts cannot be listed, so a sweep cannot end: ask the app's support")
	case second.accounts[0].ID == first.accounts[0].ID:
		p.add("paging", false, "the app ignores startIndex: the second page repeats the first", "page size: one that holds all accounts")
	default:
		p.add("paging", true, fmt.Sprintf("count and startIndex are honoured; the app has %d accounts", first.total), "no setting follows from this")
		p.pageSize()
	}
}

// pageSize asks for a full page, to see whether the app sends fewer.
func (p *probe) pageSize() {
	asked := p.report.Suggested.PageSize
	full, err := p.client.query(p.ctx, "scim: probe page size", window("1", fmt.Sprint(asked)))
	if err == nil && full.rows > 0 && full.rows < min(asked, full.total) {
		p.report.Suggested.PageSize = full.rows
		p.add("paging", true, fmt.Sprintf("asked for %d accounts, the app sent %d", asked, full.rows), fmt.Sprintf("page size: %d", full.rows))
	}
}

// errors asks for an account that nobody has.
func (p *probe) errors() {
	r, err := p.client.do(p.ctx, request{op: "scim: probe errors", method: http.MethodGet, path: "/Users/" + uuid.NewString()})
	switch {
	case err == nil:
		p.add("errors", false, "the app answers success for an account that is not there", "a deleted account cannot be told from a present one: ask the app's support")
	case r.status == http.StatusNotFound && r.scim:
		p.add("errors", true, "an unknown account is a 404 in SCIM form", "no setting follows from this")
	case r.status == http.StatusNotFound:
		p.add("errors", true, "an unknown account is a 404 in another form than SCIM's", "an account counts as gone only when the app's list does not show it either, which costs a look-up each time")
	default:
		p.add("errors", false, fmt.Sprintf("an unknown account is answered with status %d, not a 404 in SCIM form", r.status), "an account deleted by hand in the app shows as an error, never as gone")
	}
}

func window(start, count string) url.Values {
	return url.Values{"startIndex": {start}, "count": {count}}
}
