// Package scim is a client of SCIM 2.0 user accounts (RFC 7643, RFC 7644). It
// implements app.Accounts and app.Prober, and knows neither a particular app
// nor a rule of provisioning.
//
// It promises:
//   - one method is one thing done: an update is one successful write, and
//     reads only where a write without a read could damage or miss something;
//   - nothing is retried, slept on or followed: a redirect, a 429 or a 5xx is
//     handed back as an error of its kind;
//   - "not found" only on the app's own word, a 404 in SCIM form or a list that
//     does not show the account: a web page, a gateway's JSON, an empty or cut
//     answer or a listing that lacks what it must hold is no answer;
//   - the token is in the Authorization header and nowhere else: no error
//     holds it, nor an e-mail address, even when the app sends them back.
//
// Servers differ, so it is strict in what it sends (lower-case op, real
// booleans, one path an operation, active in each PUT) and lenient in what it
// reads, except where a wrong reading would create, lose or remove somebody.
package scim
