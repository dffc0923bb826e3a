// Package audit owns the hints that come from Google's audit log: group
// memberships, org units, domains, and what administrators do to users.
//
// It promises that a message is done only when every look and sweep that
// follows from it is durably enqueued; that a message delivered twice is
// harmless; that one that makes no sense is refused as fault.Invalid and
// blocks nothing; and that an event nobody has given a meaning is counted, and
// taken for a hint if it names somebody or something; and that what happens in
// groups which bear on no scope asks for nothing. It never acts on what a
// message says: the directory and the look decide, and what was switched in
// the Admin console for the app itself is shown to an administrator and changes
// no configuration.
//
// Facts: support.google.com/a/answer/9320190 (what is shared with Cloud
// Logging) and cloud.google.com/logging/docs/audit/gsuite-audit-logging.
package audit
