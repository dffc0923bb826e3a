// Package workspace reads Google Workspace through the Admin SDK Directory
// API (https://developers.google.com/workspace/admin/directory/reference/rest).
//
// It owns how that API is spoken: its addresses, pages, quota, error bodies
// and credentials. It promises that an answer which lacks what decides
// something is fault.Incomplete and never an empty result (R13), that no
// error text holds a token, an address or a message of the server, and
// that credentials are sent to no other host than the configured one. It is
// lenient in what decides nothing: unknown keys, odd types of other keys,
// missing etags. It never writes to the directory; opening and stopping push
// channels is all it changes.
//
// The root org unit has the id RootID here, whatever the directory calls it:
// orgunits.list shows the root in one of its modes only, and a customer
// without any other org unit may show no id for it at all, whereas there is
// exactly one root, which is never renamed, moved or deleted. So an org unit
// id that the configuration keeps means the same after every listing.
package workspace
