// Package sqlitefile owns the one SQLite file of the embedded system: who may
// open it, how writes are grouped into commits, and how its tables came to be.
//
// It promises that a write whose Write returned nil is on the disk (WAL with
// synchronous=FULL, https://sqlite.org/pragma.html#pragma_synchronous), that a
// read which starts after that sees it, that one failing write of a group takes
// no other with it, and that Open refuses a file that is damaged, foreign, in
// use or from a newer version before it changes anything in it.
//
// It never knows what the tables mean; the adapters that own them do.
package sqlitefile
