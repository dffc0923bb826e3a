package pages

import (
	"context"
	"regexp"
	"strings"
	"time"
)

var (
	// Directory ids are long numbers (developers.google.com/workspace/admin/directory/reference/rest/v1/users).
	idInText = regexp.MustCompile(`\b\d{15,}\b`)
	// The status and error type with which the app's own sentence begins are for
	// whoever asks the app's makers about it, in the log.
	statusInText = regexp.MustCompile(`\bstatus \d{3}(?: \w+)?: `)
	timeInText   = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
)

// reader makes texts that were written for machines too readable for a person.
type reader struct {
	app   string
	now   time.Time
	names map[string]string
	// exact keeps what only the app's makers understand.
	exact bool
}

// reader knows the addresses of those whose directory ids the texts hold.
func (p *Pages) reader(ctx context.Context, now time.Time, texts ...string) (reader, error) {
	var ids []string
	for _, text := range texts {
		ids = append(ids, idInText.FindAllString(text, -1)...)
	}
	r := reader{app: p.service.Profile.Name, now: now, names: map[string]string{}}
	if len(ids) == 0 {
		return r, nil
	}
	records, err := p.service.Records(ctx, ids)
	for id, rec := range records {
		r.names[id] = rec.Email
	}
	return r, err
}

// read begins a text with a capital, and makes it plain.
func (r reader) read(text string) string { return sentence(r.plain(text)) }

// plain shows the ids in a text as names and its times as all others, and calls the app by its name.
func (r reader) plain(text string) string {
	text = withApp(r.app, text)
	for _, id := range idInText.FindAllString(text, -1) {
		if name := r.names[id]; name != "" {
			text = strings.ReplaceAll(text, "with the directory id "+id, name)
			text = strings.ReplaceAll(text, "has another person's directory id as its external id: "+id, "carries the directory id of another person, "+name)
			text = strings.ReplaceAll(text, id, name)
		} else { // an administrator may have no record here
			text = strings.ReplaceAll(text, ", by "+id, ", by an administrator (directory id "+id+")")
		}
	}
	if !r.exact {
		text = statusInText.ReplaceAllString(text, "")
	}
	return timeInText.ReplaceAllStringFunc(text, func(s string) string {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return s
		}
		return momentAt(at, r.now).Text()
	})
}
