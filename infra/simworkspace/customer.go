package simworkspace

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

type domain struct {
	name    string
	primary bool
	created time.Time
}

func (w *Workspace) hasDomain(name string) bool {
	return slices.ContainsFunc(w.domains, func(d domain) bool { return d.name == name })
}

func renderDomain(d domain) object {
	return object{
		{"kind", "admin#directory#domain"},
		{"etag", etag(d.name, 0)},
		{"domainName", d.name},
		{"isPrimary", d.primary},
		{"verified", true},
		{"creationTime", strconv.FormatInt(d.created.UnixMilli(), 10)},
	}
}

func (w *Workspace) listDomains(r *http.Request) (object, error) {
	if err := w.checkCustomer(r.PathValue("customer")); err != nil {
		return nil, err
	}
	var list []object
	for _, d := range w.domains {
		list = append(list, renderDomain(d))
	}
	return object{{"kind", "admin#directory#domains"}, {"etag", etag("domains", w.revision)}}.with("domains", list), nil
}

func (w *Workspace) insertDomain(r *http.Request) (object, error) {
	if err := w.checkCustomer(r.PathValue("customer")); err != nil {
		return nil, err
	}
	var request struct {
		DomainName string `json:"domainName"`
	}
	if err := body(r, &request); err != nil {
		return nil, err
	}
	name := strings.ToLower(request.DomainName)
	if !strings.Contains(name, ".") {
		return nil, invalid("domainName")
	}
	if w.hasDomain(name) {
		return nil, duplicate("Entity already exists.")
	}
	d := domain{name: name, created: w.clock()}
	w.domains = append(w.domains, d)
	w.record("ADD_SECONDARY_DOMAIN", "DOMAIN_SETTINGS", "DOMAIN_NAME", name)
	w.nextRevision()
	return renderDomain(d), nil
}

func (w *Workspace) deleteDomain(r *http.Request) (object, error) {
	if err := w.checkCustomer(r.PathValue("customer")); err != nil {
		return nil, err
	}
	name := strings.ToLower(r.PathValue("domain"))
	at := slices.IndexFunc(w.domains, func(d domain) bool { return d.name == name })
	if at < 0 {
		return nil, notFound("domain")
	}
	if w.domains[at].primary {
		return nil, invalid("the primary domain")
	}
	for address := range w.addresses {
		if strings.HasSuffix(address, "@"+name) {
			return nil, precondition("The domain has users or groups in it.")
		}
	}
	w.domains = slices.Delete(w.domains, at, at+1)
	w.record("REMOVE_SECONDARY_DOMAIN", "DOMAIN_SETTINGS", "DOMAIN_NAME", name)
	w.nextRevision()
	return nil, nil
}

func (w *Workspace) renderCustomer() object {
	return object{
		{"kind", "admin#directory#customer"},
		{"id", w.customerID},
		{"etag", etag(w.customerID, w.revision)},
		{"customerDomain", w.domains[0].name},
		{"customerCreationTime", stamp(w.created)},
		{"language", "en"},
	}
}

func (w *Workspace) getCustomer(r *http.Request) (object, error) {
	if err := w.checkCustomer(r.PathValue("customer")); err != nil {
		return nil, err
	}
	return w.renderCustomer(), nil
}

// patchCustomer makes another of the customer's domains the primary one.
func (w *Workspace) patchCustomer(r *http.Request) (object, error) {
	if err := w.checkCustomer(r.PathValue("customer")); err != nil {
		return nil, err
	}
	var request struct {
		CustomerDomain string `json:"customerDomain"`
	}
	if err := body(r, &request); err != nil {
		return nil, err
	}
	if name := strings.ToLower(request.CustomerDomain); name != "" {
		at := slices.IndexFunc(w.domains, func(d domain) bool { return d.name == name })
		if at < 0 {
			return nil, invalid("customerDomain")
		}
		w.domains[0].primary, w.domains[at].primary = false, true
		w.domains[0], w.domains[at] = w.domains[at], w.domains[0]
		w.record("CHANGE_PRIMARY_DOMAIN", "DOMAIN_SETTINGS", "DOMAIN_NAME", name)
		w.nextRevision()
	}
	return w.renderCustomer(), nil
}

type schema struct {
	id     string
	name   string
	label  string
	fields []schemaField
}

type schemaField struct {
	id, name, label, kind string
	multiValued           bool
}

func (s *schema) has(field string) bool {
	return slices.ContainsFunc(s.fields, func(f schemaField) bool { return f.name == field })
}

func (w *Workspace) schemaByKey(key string) *schema {
	for _, s := range w.schemas {
		if s.name == key || s.id == key {
			return s
		}
	}
	return nil
}

func renderSchema(s *schema) object {
	var fields []object
	for _, f := range s.fields {
		fields = append(fields, object{
			{"kind", "admin#directory#schema#fieldspec"}, {"etag", etag(f.id, 0)},
			{"fieldId", f.id}, {"fieldName", f.name}, {"displayName", f.label}, {"fieldType", f.kind},
			{"multiValued", f.multiValued}, {"indexed", true}, {"readAccessType", "ALL_DOMAIN_USERS"},
		})
	}
	return object{
		{"kind", "admin#directory#schema"}, {"schemaId", s.id}, {"etag", etag(s.id, 0)},
		{"schemaName", s.name}, {"displayName", s.label},
	}.with("fields", fields)
}

func (w *Workspace) listSchemas(r *http.Request) (object, error) {
	if err := w.checkCustomer(r.PathValue("customer")); err != nil {
		return nil, err
	}
	var list []object
	for _, s := range w.schemas {
		list = append(list, renderSchema(s))
	}
	return object{{"kind", "admin#directory#schemas"}, {"etag", etag("schemas", w.revision)}}.with("schemas", list), nil
}

func (w *Workspace) getSchema(r *http.Request) (object, error) {
	if err := w.checkCustomer(r.PathValue("customer")); err != nil {
		return nil, err
	}
	s := w.schemaByKey(r.PathValue("schema"))
	if s == nil {
		return nil, notFound("schema")
	}
	return renderSchema(s), nil
}

func (w *Workspace) insertSchema(r *http.Request) (object, error) {
	if err := w.checkCustomer(r.PathValue("customer")); err != nil {
		return nil, err
	}
	var request Schema
	if err := body(r, &request); err != nil {
		return nil, err
	}
	if request.Name == "" || len(request.Fields) == 0 {
		return nil, invalid("schemaName and fields are required")
	}
	if w.schemaByKey(request.Name) != nil {
		return nil, duplicate("Entity already exists.")
	}
	return renderSchema(w.addSchema(request)), nil
}

func (w *Workspace) addSchema(in Schema) *schema {
	s := &schema{id: w.letters(22) + "==", name: in.Name, label: cmp.Or(in.Label, in.Name)}
	for _, f := range in.Fields {
		s.fields = append(s.fields, schemaField{
			id: w.letters(22) + "==", name: f.Name, label: cmp.Or(f.Label, f.Name), kind: cmp.Or(f.Type, "STRING"), multiValued: f.MultiValued,
		})
	}
	w.schemas = append(w.schemas, s)
	w.nextRevision()
	return s
}
