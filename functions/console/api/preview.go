package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// Preview is what a configuration would do: the first, or one more, page of each of its lists.
type Preview struct {
	ID            string             `json:"id" doc:"What confirmedPreview takes"`
	Revision      int64              `json:"revision" doc:"Of the configuration that it was made from"`
	ExpiresAt     time.Time          `json:"expiresAt" doc:"In real time; it cannot be confirmed after it"`
	State         string             `json:"state" enum:"running,done,failed"`
	Listed        int                `json:"listed" doc:"Users listed so far"`
	Reason        *string            `json:"reason" doc:"Why it failed"`
	Counts        map[string]int     `json:"counts" doc:"How many of each operation"`
	Operations    []PreviewOperation `json:"operations" nullable:"false" doc:"Empty until it is done"`
	Adopt         []PreviewAccount   `json:"adopt" nullable:"false" doc:"Existing accounts that would be adopted"`
	Orphans       []PreviewAccount   `json:"orphans" nullable:"false" doc:"Existing accounts that no person in scope stands behind"`
	NextPageToken *string            `json:"nextPageToken" doc:"While any of the lists has more; a list at its end is empty on further pages"`
}

// PreviewOperation is one operation that would be done, now or later.
type PreviewOperation struct {
	UserID    string     `json:"userId"`
	Email     string     `json:"email"`
	Operation string     `json:"operation"`
	DueAt     *time.Time `json:"dueAt"`
	Condition *string    `json:"condition"`
	Why       string     `json:"why"`
}

// PreviewAccount is an account that exists already, with the person who would get it, if any.
type PreviewAccount struct {
	AccountID string  `json:"accountId"`
	UserName  string  `json:"userName"`
	UserID    *string `json:"userId"`
	Email     *string `json:"email"`
	Why       string  `json:"why"`
}

// The operations whose body holds sections by name; their use cases name the fields within.
const (
	idPreview       = "preview"
	idConfiguration = "putConfiguration"
)

type previewInput struct {
	ID string `path:"id"`
	Paging
}

func (a *api) registerPreviews() {
	post := a.operation(http.MethodPost, a.app("/preview"), idPreview, tagConfiguration,
		"Show what the configuration, or it with other sections, would do; changes nothing",
		"The preview, done or, when it takes longer than a few seconds, running")
	handle(a, post, func(ctx context.Context, in *body[*Sections]) (*answer[Preview], error) {
		var sections Sections
		if in.Body != nil {
			sections = *in.Body
		}
		p, err := a.service.Preview(ctx, sections.proposal(a.service.Connection))
		if err != nil {
			return nil, err
		}
		return a.preview(ctx, p, Paging{PageSize: 100})
	})
	get := a.operation(http.MethodGet, a.app("/previews/{id}"), "previewPage", tagConfiguration,
		"Show how far a preview is, and page through it", "The preview")
	handle(a, get, func(ctx context.Context, in *previewInput) (*answer[Preview], error) {
		p, err := a.service.PreviewByID(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		return a.preview(ctx, p, in.Paging)
	})
}

// places are where each of a preview's lists goes on; a list at its end is absent.
type places map[provision.PreviewKind]string

func (a *api) preview(ctx context.Context, p provision.Preview, paging Paging) (*answer[Preview], error) {
	view := Preview{ID: p.ID, Revision: p.Revision, ExpiresAt: p.ExpiresAt.UTC(), State: string(p.State), Listed: p.Listed,
		Reason: text(p.Reason), Counts: map[string]int{},
		Operations: []PreviewOperation{}, Adopt: []PreviewAccount{}, Orphans: []PreviewAccount{}}
	for kind, n := range p.Counts {
		view.Counts[string(kind)] = n
	}
	if p.State != provision.PreviewDone { // rows that are there already are not all
		return &answer[Preview]{view}, nil
	}
	from, err := parsePlaces(paging.PageToken)
	if err != nil {
		return nil, err
	}
	rows := map[provision.PreviewKind][]provision.PreviewRow{}
	next := places{}
	for kind, token := range from {
		page, more, err := a.service.PreviewRows(ctx, p.ID, kind, token, paging.PageSize)
		if err != nil {
			return nil, err
		}
		rows[kind] = page
		if more != "" {
			next[kind] = more
		}
	}
	view.Operations = list(rows[provision.PreviewOperations], viewPreviewOperation)
	view.Adopt = list(rows[provision.PreviewAdopt], viewPreviewAccount)
	view.Orphans = list(rows[provision.PreviewOrphans], viewPreviewAccount)
	view.NextPageToken = text(next.String())
	return &answer[Preview]{view}, nil
}

func parsePlaces(token string) (places, error) {
	if token == "" {
		return places{provision.PreviewOperations: "", provision.PreviewAdopt: "", provision.PreviewOrphans: ""}, nil
	}
	var p places
	data, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	if err != nil {
		return nil, fault.Field("pageToken", "the page token is not one of this list; begin with the first page")
	}
	return p, nil
}

func (p places) String() string {
	if len(p) == 0 {
		return ""
	}
	data, err := json.Marshal(p)
	if err != nil {
		panic("api: a map of texts does not marshal: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

func viewPreviewOperation(r provision.PreviewRow) PreviewOperation {
	return PreviewOperation{UserID: r.UserID, Email: r.Email, Operation: string(r.Operation), DueAt: when(r.DueAt),
		Condition: text(r.Condition), Why: r.Why}
}

func viewPreviewAccount(r provision.PreviewRow) PreviewAccount {
	return PreviewAccount{AccountID: r.AccountID, UserName: r.UserName, UserID: text(r.UserID), Email: text(r.Email), Why: r.Why}
}
