// Package mapping owns the way from a person as the directory has them to the
// attributes of their account in the app: one source for each app attribute,
// either a directory attribute path or a CEL expression (cel.dev).
//
// # Paths
//
// A path is names joined by dots, from the user resource inwards:
// primaryEmail, name.givenName, customSchemas.Employment.level. The first name
// is an attribute that the directory is asked for, in its exact spelling. On a
// list, a part of the path chooses one entry:
//
//   - a number, by position from 0: organizations.0.title;
//   - primary, the entry marked as primary, else the first:
//     organizations.primary.title;
//   - any other word, the first entry of that type or custom type:
//     phones.work.value, externalIds.organization.value.
//
// # Expressions
//
// An expression sees the user resource as the variable user, with the names
// that the directory's JSON has: user.name.givenName + " " + user.name.familyName.
// The string functions of CEL (lowerAscii, split, join, replace and so on) and
// optional values are there: user.?organizations[?0].?title is the title of
// the first organization, or no value. Numbers of the directory are doubles:
// user.customSchemas.Employment.level + 1.0. The pattern of matches is written out, not computed. What an
// expression may cost is bounded, and it cannot tell the time, so that the same
// person always gives the same values: for the same reason the bound is a count
// of the work, and not a time-out.
//
// # Promises
//
// A mapping is checked in full when it is compiled. Afterwards it never
// changes, is safe for concurrent use, and never panics or hangs whatever the
// directory sends. Values are trimmed text in Unicode NFC, bools and finite
// float64s, so that equal ones compare equal (R17). Errors name the attribute
// in words for an administrator and hold nothing of what the directory said
// about the person. It never reads or writes anything, and knows no app: which
// attributes there are, and which are mandatory, the caller says.
package mapping
