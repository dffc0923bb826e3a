package simcomeet

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func notFound(id string) answer {
	return refusal(http.StatusNotFound, "", "Resource "+id+" not found")
}

func (s *Server) get(r incoming) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	acc := s.accounts.byID[r.PathValue("id")]
	if acc == nil {
		return notFound(r.PathValue("id"))
	}
	return answer{status: http.StatusOK, body: acc.document, etag: acc.etag()}
}

// list answers both the listing and filters.
func (s *Server) list(r incoming) answer {
	query := r.URL.Query()
	start := max(1, number(query.Get("startIndex"), 1))
	size := min(max(0, number(query.Get("count"), 100)), s.maxPage)

	s.mu.Lock()
	defer s.mu.Unlock()
	rows := s.accounts.ordered
	if query.Has("filter") && !s.faults.IgnoreFilters {
		if s.faults.RefuseFilters {
			return refusal(http.StatusBadRequest, "invalidFilter", "filters are not supported")
		}
		var refused *answer
		if rows, refused = s.accounts.filtered(query.Get("filter"), s.faults.ExactFilters); refused != nil {
			return *refused
		}
	} else if len(s.faults.LeaveOut) > 0 {
		rows = slices.DeleteFunc(slices.Clone(rows), func(a *account) bool { return slices.Contains(s.faults.LeaveOut, a.id) })
	}
	if s.faults.IgnoreStartIndex {
		start = 1
	}
	from := min(start-1, len(rows))
	if s.faults.Duplicates && from > 0 {
		from--
	}
	return page(rows[from:min(from+size, len(rows))], start, len(rows)+s.faults.WrongTotal)
}

func page(rows []*account, start, total int) answer {
	var b bytes.Buffer
	b.WriteString(`{"schemas":["` + listSchema + `"],"totalResults":` + strconv.Itoa(total) +
		`,"startIndex":` + strconv.Itoa(start) + `,"itemsPerPage":` + strconv.Itoa(len(rows)))
	// RFC 7644 section 3.4.2 asks for Resources only when there are results.
	for i, row := range rows {
		if i == 0 {
			b.WriteString(`,"Resources":[`)
		} else {
			b.WriteByte(',')
		}
		b.Write(row.document)
	}
	if len(rows) > 0 {
		b.WriteByte(']')
	}
	b.WriteByte('}')
	return answer{status: http.StatusOK, body: b.Bytes()}
}

func number(text string, otherwise int) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return otherwise
	}
	return n
}

var filterPattern = regexp.MustCompile(`(?is)^\s*(?:urn:ietf:params:scim:schemas:core:2\.0:User:)?([a-z.]+)\s+eq\s+(".*")\s*$`)

// filtered are the accounts that an equality filter selects, with exact by
// the case of a userName too.
func (a *accounts) filtered(filter string, exact bool) ([]*account, *answer) {
	m := filterPattern.FindStringSubmatch(filter)
	var value string
	if m == nil || json.Unmarshal([]byte(m[2]), &value) != nil {
		refused := refusal(http.StatusBadRequest, "invalidFilter", `only attribute eq "value" is supported`)
		return nil, &refused
	}
	switch strings.ToLower(m[1]) {
	case "username":
		named := a.byName[foldName(value)]
		if exact {
			named = slices.DeleteFunc(slices.Clone(named), func(acc *account) bool { return acc.userName != value })
		}
		return named, nil
	case "externalid":
		return a.byEx[value], nil
	}
	refused := refusal(http.StatusBadRequest, "invalidFilter", "no filter by "+m[1])
	return nil, &refused
}

func (s *Server) create(r incoming) answer {
	resource, err := decode(r.body)
	if err != nil {
		return refusal(http.StatusBadRequest, "invalidSyntax", "the body is not a JSON object")
	}
	resource = normalise(resource)
	if _, ok := resource["active"]; !ok {
		resource["active"] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if refused, ok := s.check(resource, nil, true); !ok {
		return refused
	}
	externalID, _ := resource["externalId"].(string)
	if twins := s.accounts.byEx[externalID]; len(twins) > 0 {
		s.accuse("doubleCreate", twins[0].id, "a second account was created with one externalId")
	}
	if r.noEffect {
		resource["id"] = "cm-nothing"
		return answer{status: http.StatusCreated, body: encode(resource)}
	}
	acc := s.accounts.add(resource, s.now(), true)
	s.effects["created"]++
	if s.faults.NoContent {
		return s.kept(answer{status: http.StatusCreated})
	}
	return s.kept(answer{status: http.StatusCreated, body: acc.document, etag: acc.etag()})
}

// write wraps PATCH and PUT: changed makes the new resource of the old one.
func (s *Server) write(changed func(resource map[string]any, body []byte) (map[string]any, *answer)) action {
	return func(r incoming) answer {
		s.mu.Lock()
		defer s.mu.Unlock()
		acc := s.accounts.byID[r.PathValue("id")]
		if acc == nil {
			return notFound(r.PathValue("id"))
		}
		if match := r.Header.Get("If-Match"); match != "" && match != acc.etag() {
			return refusal(http.StatusPreconditionFailed, "", "the account has changed")
		}
		resource, refused := changed(acc.resource(), r.body)
		if refused != nil {
			return *refused
		}
		if refused, ok := s.check(resource, acc, r.Method == http.MethodPut); !ok {
			return refused
		}
		s.judge(acc, resource)
		if !r.noEffect {
			s.count(acc, resource)
			s.accounts.change(acc, resource, s.now())
		}
		if s.faults.NoContent && r.Method == http.MethodPatch {
			return s.kept(answer{status: http.StatusNoContent})
		}
		return s.kept(answer{status: http.StatusOK, body: acc.document, etag: acc.etag()})
	}
}

// judge accuses a change that no correct client makes.
func (s *Server) judge(acc *account, resource map[string]any) {
	externalID, _ := resource["externalId"].(string)
	active, _ := resource["active"].(bool)
	if acc.externalID != "" && externalID != acc.externalID {
		s.accuse("takenOver", acc.id, "the externalId of an account was replaced or removed")
	}
	if externalID != acc.externalID && len(s.accounts.byEx[externalID]) > 0 {
		s.accuse("doubleExternalId", acc.id, "two accounts have one externalId")
	}
	if externalID != "" {
		acc.managed = true
	}
	if acc.active && !active && !acc.managed {
		s.accuse("orphanRemoved", acc.id, "an account that was made by hand and never adopted was suspended")
	}
}

func (s *Server) count(acc *account, resource map[string]any) {
	active, _ := resource["active"].(bool)
	switch {
	case acc.active && !active:
		s.effects["suspended"]++
	case !acc.active && active:
		s.effects["unsuspended"]++
	default:
		s.effects["updated"]++
	}
}

func (s *Server) delete(r incoming) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	acc := s.accounts.byID[r.PathValue("id")]
	if acc == nil {
		return notFound(r.PathValue("id"))
	}
	if !acc.managed {
		s.accuse("orphanRemoved", acc.id, "an account that was made by hand and never adopted was deleted")
	}
	if !r.noEffect {
		s.accounts.remove(acc)
		s.effects["deleted"]++
	}
	return s.kept(answer{status: http.StatusNoContent})
}
