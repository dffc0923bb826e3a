package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// directory edits the directory that is measured against, by the write methods
// of the Directory API.
type directory struct {
	url string
	// token is of somebody who may edit users there; empty for the simulated one.
	token string
}

// change is a change of one user, and when the directory had made it.
type change struct {
	user string
	at   time.Time
}

func (d directory) call(ctx context.Context, method, path string, body, into any) error {
	return call(ctx, d.token, method, d.url+"/admin/directory/v1"+path, body, into)
}

// named is what is read and changed of a user.
type named struct {
	ID   string `json:"id,omitempty"`
	Name struct {
		FamilyName string `json:"familyName"`
	} `json:"name"`
}

// rename gives a user another family name.
func (d directory) rename(ctx context.Context, address, familyName string) (change, error) {
	var to, is named
	to.Name.FamilyName = familyName
	err := d.call(ctx, http.MethodPatch, "/users/"+url.PathEscape(address), to, &is)
	return change{is.ID, time.Now()}, err
}

// familyName reads one.
func (d directory) familyName(ctx context.Context, address string) (string, error) {
	var is named
	err := d.call(ctx, http.MethodGet, "/users/"+url.PathEscape(address)+"?fields=name", nil, &is)
	return is.Name.FamilyName, err
}

// members are the addresses of people who are themselves members of a group, at most so many.
func (d directory) members(ctx context.Context, group string, most int) (addresses []string, err error) {
	for token := ""; ; {
		var page struct {
			Members []struct {
				Email string `json:"email"`
				Type  string `json:"type"`
			} `json:"members"`
			Next string `json:"nextPageToken"`
		}
		query := url.Values{"maxResults": {fmt.Sprint(memberPage)}, "pageToken": {token}}
		if err := d.call(ctx, http.MethodGet, "/groups/"+url.PathEscape(group)+"/members?"+query.Encode(), nil, &page); err != nil {
			return nil, err
		}
		for _, m := range page.Members {
			if m.Type == "USER" && len(addresses) < most {
				addresses = append(addresses, m.Email)
			}
		}
		if token = page.Next; token == "" || len(addresses) == most {
			return addresses, nil
		}
	}
}
