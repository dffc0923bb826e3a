package reconcile

import (
	"context"
	"slices"
	"strings"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// create makes the account, or adopts the one that is there (R2).
func (a *attempt) create(ctx context.Context) outcome {
	matches, err := a.matches(ctx)
	if err != nil {
		return classifyRead(err)
	}
	if len(matches) > 0 {
		return a.adopt(ctx, matches)
	}
	account, err := a.accounts.Create(ctx, a.rec.UserID, a.op.Attributes)
	if !fault.Is(err, fault.Conflict) {
		out := classify(account, err)
		if out.status == gone {
			out = outcome{status: ineffective, text: "the app says that there is no place where accounts are created: check the base URL"}
		}
		return out
	}
	refusal := fault.Words(err)
	if matches, err = a.search(ctx); err != nil {
		return classifyRead(err)
	}
	if len(matches) == 0 {
		return outcome{status: conflicting, untouched: true,
			text: "the app says that the account exists, but shows none with this id or name; it may have been deleted in the app: " + refusal}
	}
	return a.adopt(ctx, matches)
}

// matches are the accounts that could be this user's: from the sweep's listing
// of the app, which is fresh, or asked for.
func (a *attempt) matches(ctx context.Context) ([]provision.Account, error) {
	if listing := a.req.Listing; a.seen.listed && a.Real().Sub(listing.AppReadAt) <= listingAge {
		return listing.Accounts, nil
	}
	return a.search(ctx)
}

// search asks the app for the accounts that could be this user's, and reads
// those that its listing showed: a filter may compare names with their case.
func (a *attempt) search(ctx context.Context) ([]provision.Account, error) {
	found, err := a.accounts.Find(ctx, a.rec.UserID, a.userName())
	if err != nil {
		return nil, err
	}
	for _, id := range a.req.Matches {
		if slices.ContainsFunc(found, func(account provision.Account) bool { return account.ID == id }) {
			continue
		}
		account, err := a.accounts.Get(ctx, a.ref(id))
		switch {
		case fault.Is(err, fault.NotFound):
		case err != nil:
			return nil, err
		case account.ExternalID == a.rec.UserID || strings.EqualFold(account.UserName, a.userName()):
			found = append(found, account)
		}
	}
	return found, nil
}

func (a *attempt) userName() string {
	name, _ := a.op.Attributes["userName"].(string)
	return name
}

// adopt takes over the one account that matches, unless it is somebody else's.
func (a *attempt) adopt(ctx context.Context, matches []provision.Account) outcome {
	if a.seen.listed {
		return outcome{status: stale, unasked: true} // adopting needs a reading of the user by id
	}
	if len(matches) > 1 {
		return outcome{status: conflicting, accountID: matches[1].ID, untouched: true,
			text: "more than one account in the app matches this person by external id or user name"}
	}
	match := matches[0]
	whose, err := a.claim(ctx, match)
	if err != nil {
		return outcome{status: undecided, err: err}
	}
	if whose != "" {
		return outcome{status: conflicting, accountID: match.ID, untouched: true, text: whose}
	}
	account, err := a.accounts.Update(ctx, match.ID, a.rec.UserID, a.op.Attributes, nil)
	if fault.Is(err, fault.Conflict) {
		return a.nameTaken(ctx, match.ID, err)
	}
	out := classify(account, err)
	if out.status == gone {
		return outcome{status: ineffective, text: "the account that matched is not in the app any more"}
	}
	out.adopted = true
	out.account.ID = match.ID
	if account.Attributes == nil {
		out.account.Active = match.Active
	}
	return out
}

// claim commits to the intent which account is to be adopted, and then says in
// words why it is another person's; empty when it is not. Of two who claim one
// account at a time at least one sees the other.
func (a *attempt) claim(ctx context.Context, match provision.Account) (whose string, err error) {
	a.rec.Intent.AccountID = match.ID
	if err := a.keep(ctx, &a.rec); err != nil {
		return "", err
	}
	for page, err := range state.Pages(ctx, a.Store, state.Selection{Kind: state.SelectIntent}) {
		if err != nil {
			return "", err
		}
		for _, other := range page {
			if other.UserID != a.rec.UserID && other.Intent.AccountID == match.ID {
				return "the account in the app that matches is being adopted for another person, with the directory id " + other.UserID, nil
			}
		}
	}
	return a.somebodyElses(ctx, match)
}

// somebodyElses says in words why a matching account is another person's; empty when it is not.
func (a *attempt) somebodyElses(ctx context.Context, match provision.Account) (string, error) {
	linked, err := a.Store.RecordsByAccount(ctx, []string{match.ID})
	if err != nil {
		return "", err
	}
	if other, ok := linked[match.ID]; ok && other.UserID != a.rec.UserID && other.Account.App == a.c.Connection.BaseURL {
		return "the account in the app that matches is linked to another person, with the directory id " + other.UserID, nil
	}
	if match.ExternalID == "" || match.ExternalID == a.rec.UserID {
		return "", nil
	}
	is, err := a.isDirectoryID(ctx, match.ExternalID)
	if err != nil || !is {
		return "", err
	}
	return "the account in the app that matches has another person's directory id as its external id: " + match.ExternalID, nil
}

// isDirectoryID reports whether an external id is a directory id, present or
// past: one that we have a record of, one that the directory knows, or one of
// the form that Google's have (a long number).
func (a *attempt) isDirectoryID(ctx context.Context, id string) (bool, error) {
	if LikeDirectoryID(id) {
		return true, nil
	}
	rec, err := a.Store.Record(ctx, id)
	if err != nil || rec.Version != 0 {
		return err == nil, err
	}
	_, err = a.Directory.User(ctx, id)
	switch {
	case err == nil:
		return true, nil
	case fault.Is(err, fault.NotFound, fault.Invalid):
		return false, nil
	}
	return false, err
}

// LikeDirectoryID reports whether an external id has the form of Google's
// directory ids, a long number, so that it is taken for one without asking.
func LikeDirectoryID(id string) bool {
	return len(id) >= 15 && strings.Trim(id, "0123456789") == ""
}

// nameTaken finds the account that holds the user name.
func (a *attempt) nameTaken(ctx context.Context, own string, cause error) outcome {
	out := outcome{status: conflicting, untouched: true, text: "another account in the app holds the name or address: " + fault.Words(cause)}
	found, err := a.accounts.Find(ctx, a.rec.UserID, a.userName())
	if err != nil {
		return out
	}
	for _, account := range found {
		if account.ID != own {
			out.accountID = account.ID
		}
	}
	return out
}

// classifyRead sorts a failure to read, after which the app has surely done nothing.
func classifyRead(err error) outcome {
	out := classify(provision.Account{}, err)
	if out.status == done || out.status == gone {
		out.status, out.text = appFailed, fault.Words(err)
	}
	out.untouched = true
	return out
}
