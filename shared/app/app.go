// Package app owns the port to the target application's user accounts.
//
// It promises that one method call is one thing done on the app, and that its
// errors tell "refused by rule" (fault.Invalid, Conflict, Forbidden) from
// "try later" (Throttled, Unavailable) from "the token is refused"
// (Unauthorized). It never decides and knows no rule of provisioning.
package app

import (
	"context"

	"example.com/autoprovision/shared/provision"
)

// Page is one page of the accounts in the app.
type Page struct {
	Accounts []provision.Account
	// Next is the 1-based index of the next page's first account; 0 on the last page.
	Next int
	// Total is what the app says there are.
	Total int
}

// Ref says which account is meant.
type Ref struct {
	// ID is the app's id.
	ID string
	// ExternalID and UserName are what we last wrote. They find the account in the
	// app's list, where an answer about the id alone cannot be trusted.
	ExternalID, UserName string
}

// Accounts is the app's user accounts.
//
// Errors: fault.Unauthorized for 401 and Forbidden for 403, either of which may
// be the token's fault (the caller verifies with Verify, which answers
// Unauthorized for both, R11), NotFound only when the app itself says so,
// and not something before it, Conflict for a uniqueness error, Invalid for what the app
// refuses by rule, Throttled with RetryAfter, Unavailable for no answer, an
// answer that makes no sense, and 5xx, Incomplete for one that lacks what it
// must hold. Adapters do not retry; the reconciler does.
//
// An account's Attributes are all single values that the app shows, mapped or
// not, in the form that is the same for every method.
type Accounts interface {
	// Verify reads one row with the present token: nil when the token is good.
	Verify(ctx context.Context) error
	// Get reads one account by the app's id.
	Get(ctx context.Context, ref Ref) (provision.Account, error)
	// Find returns every account whose externalId equals externalID, or whose
	// userName equals userName without regard to case; each returned row is
	// compared here, whatever the app's filter claims.
	Find(ctx context.Context, externalID, userName string) ([]provision.Account, error)
	// List reads the page that begins at the 1-based index start.
	List(ctx context.Context, start int) (Page, error)
	// Create makes an active account with the external id and attributes.
	Create(ctx context.Context, externalID string, attributes provision.Attributes) (provision.Account, error)
	// Update sets attributes; one that is in previous but not in attributes is
	// removed. The account's active state stays as it is. It returns the
	// account as the app has it afterwards; when the app does not say, its
	// Attributes are nil and its Active means nothing.
	Update(ctx context.Context, id, externalID string, attributes, previous provision.Attributes) (provision.Account, error)
	// SetActive suspends or unsuspends.
	SetActive(ctx context.Context, ref Ref, active bool) error
	// Delete removes the account for good; one that is gone already is no error.
	Delete(ctx context.Context, ref Ref) error
}
