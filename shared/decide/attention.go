package decide

import (
	"fmt"
	"strings"
	"time"

	"example.com/autoprovision/shared/provision"
)

// attention lists what needs a person about this user, each with what to do.
func (d *decider) attention() []provision.Attention {
	var list []provision.Attention
	add := func(kind provision.AttentionKind, accountID, why, todo string, since time.Time) {
		for _, a := range d.r.Attention { // what is known already keeps its since
			if a.Kind == kind && a.Why == why {
				since = a.Since
			}
		}
		list = append(list, provision.Attention{
			Kind: kind, UserIDs: []string{d.r.UserID}, AccountID: accountID, Why: why, Todo: todo, Since: since,
		})
	}
	account := d.r.Account
	if account.Exists() && d.protected() && !d.frozen() {
		if m := next(d.ordered()); m != nil {
			add(provision.AttentionProtected, account.ID,
				fmt.Sprintf("This person is protected. Without that, a %s would be due on %s, because %s.",
					m.Operation.Words(), m.At.UTC().Format(time.RFC3339), because[m.Cause.Condition]),
				"If the account should go, take the person off the protected list; otherwise nothing.", d.now)
		}
	}
	if d.frozen() && account.State == provision.AccountActive {
		add(provision.AttentionArchived, account.ID,
			"This person is archived in the directory and still has an active account in the app.",
			"Suspend the account in the app by hand, or tick “Also suspend or hard delete archived people” in the deprovisioning time frames.", d.now)
	}
	if v := d.dismissed(); v != nil && account.State == provision.AccountActive && d.r.Next == nil && !d.frozen() {
		add(provision.AttentionHeld, account.ID,
			fmt.Sprintf("An administrator dismissed the %s on %s. The account is still active although %s; nothing more will be done.",
				v.Operation.Words(), v.At.UTC().Format(time.RFC3339), because[v.Condition]),
			"If the account should go, suspend it in the app by hand. Otherwise do nothing. If another reason arises, it is decided anew.", v.At)
	}
	if len(d.r.Left) > 0 {
		add(provision.AttentionDrift, account.ID,
			"These attributes were corrected three times in seven days and changed again in the app: "+strings.Join(d.r.Left, ", ")+". Another tool may be changing them.",
			"Find out who changes it in the app; the value is left alone until it changes in the directory.", d.now)
	}
	for _, retry := range d.r.Retries {
		kind, todo := advice(retry)
		if retry.Error == d.l.MappingError {
			todo = "Complete the person's data in the directory, or change the mapping. It is tried again when either changes."
		}
		accountID := retry.AccountID
		if accountID == "" {
			accountID = account.ID
		}
		what := doing[retry.Operation] + " the account failed"
		if retry.Reason == provision.RetryUnread {
			what = "The account in the app could not be read"
		}
		add(kind, accountID, sentence(what, retry.Error), todo, retry.Since)
	}
	if i := d.r.Intent; i != nil && i.Doubt != "" {
		if _, listed := d.r.Retry(i.Operation); !listed { // it is not called for any more, and may have been done
			add(provision.AttentionFailed, account.ID, sentence("It is not known whether the "+i.Operation.Words()+" was done", i.Doubt),
				"Look at the account in the app, and put right there what is wrong. It is read again with each sweep.", i.StartedAt)
		}
	}
	return list
}

func sentence(what, why string) string { return what + ": " + strings.TrimSuffix(why, ".") + "." }

// dismissed is the removal that an administrator dismissed last, of those whose condition holds; nil for none.
func (d *decider) dismissed() *provision.Verdict {
	for i := len(d.r.Verdicts) - 1; i >= 0; i-- {
		if v := &d.r.Verdicts[i]; !v.Release && v.Operation.Removes() {
			return v
		}
	}
	return nil
}

// doing begins a sentence about an operation.
var doing = map[provision.OperationKind]string{
	provision.Create: "Creating", provision.Update: "Updating", provision.Suspend: "Suspending",
	provision.Unsuspend: "Unsuspending", provision.HardDelete: "Hard deleting",
}

// because says for each condition what holds.
var because = map[provision.ConditionName]string{
	provision.ConditionAppOff: "the app is turned off for them", provision.ConditionSuspended: "they are suspended in Google Workspace",
	provision.ConditionDeleted: "they are deleted in Google Workspace", provision.ConditionArchived: "they are archived in Google Workspace",
}

func advice(retry provision.Retry) (provision.AttentionKind, string) {
	switch retry.Reason {
	case provision.RetryConflict:
		return provision.AttentionConflict,
			"Look at both in the app: rename or remove the account that is in the way, or correct its external id. It is tried again when either changes, and daily."
	case provision.RetryRefused:
		switch retry.Operation {
		case provision.HardDelete:
			return provision.AttentionRefused,
				"Remove the account in the app by hand, or find out why it may not be deleted: hard deletes may be switched off or not supported, or the person may have open roles or tasks. It is tried again daily."
		case provision.Suspend:
			return provision.AttentionRefused,
				"The app may keep people with open roles or tasks: reassign those in the app, then press Check this person now. It is tried again daily."
		}
		return provision.AttentionRefused,
			"Correct the person's data in the directory or the mapping, then press Check this person now. It is tried again daily."
	}
	return provision.AttentionFailed, "Nothing for now: it is retried automatically, at growing intervals up to once a day. If it still fails tomorrow, send the error text from the Log to the app's support."
}
