// Package provision owns the words of the system as types: the user as the
// directory has them, the account that stands for them in the app, the record
// that we keep between the two, conditions, time frames, operations, events
// and the configuration that an administrator sets.
//
// It promises to import nothing but the standard library and to hold no
// behaviour that needs anything else; it never decides (package decide does)
// and never reads or writes (the ports do).
package provision
