package edge

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/mail"
	"net/url"
	"strings"

	"example.com/autoprovision/shared/audit"
	"example.com/autoprovision/shared/wiring/googlecloud"
)

// Prefix is what the names of all settings begin with.
const Prefix = "AUTOPROVISION_"

// Reader reads the settings of a function and gathers what is wrong with them.
type Reader struct {
	getenv func(string) string
	errs   []error
}

// Read returns a reader of the environment.
func Read(getenv func(string) string) *Reader { return &Reader{getenv: getenv} }

// Err names every setting that is wrong or missing; nil when none is.
func (r *Reader) Err() error {
	if len(r.errs) == 0 {
		return nil
	}
	return fmt.Errorf("wrong settings: %w", errors.Join(r.errs...))
}

func (r *Reader) refuse(name, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf(Prefix+name+" "+format, args...))
}

// Optional is a setting that may be missing.
func (r *Reader) Optional(name, fallback string) string {
	if value := strings.TrimSpace(r.getenv(Prefix + name)); value != "" {
		return value
	}
	return fallback
}

// Text is a setting that may not be missing.
func (r *Reader) Text(name string) string {
	value := r.Optional(name, "")
	if value == "" {
		r.refuse(name, "is missing: deploy.sh sets it")
	}
	return value
}

// URL is the address of a function, as its callers write it: it is the audience
// of their tokens, which is compared letter by letter.
func (r *Reader) URL(name string) string {
	value := r.Text(name)
	if value != "" && !isURL(value) {
		r.refuse(name, "is %q: write an https address without a query, such as https://REGION-PROJECT.cloudfunctions.net/NAME", value)
	}
	return value
}

// ServiceURL is the address of a service of somebody else's; empty when it is not set.
func (r *Reader) ServiceURL(name string) string {
	value := r.Optional(name, "")
	if value != "" && !isURL(value) {
		r.refuse(name, "is %q: write an https address without a query, or nothing", value)
	}
	return value
}

// Origin is an address without a path.
func (r *Reader) Origin(name string) string {
	value := r.Text(name)
	if u, err := url.Parse(value); value != "" && (!isURL(value) || err != nil || u.Path != "") {
		r.refuse(name, "is %q: write an https address without a path, such as https://NAME-NUMBER.REGION.run.app", value)
	}
	return value
}

// isURL allows plain http on this machine, where tests run the functions.
func isURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && u.Hostname() == "127.0.0.1"
}

// Account is the address of a service account or of a person.
func (r *Reader) Account(name string) string {
	value := r.Text(name)
	if a, err := mail.ParseAddress(value); value != "" && (err != nil || a.Address != value) {
		r.refuse(name, "is no e-mail address")
	}
	return value
}

// Events is the table of the audit log's events, with those of the setting.
func (r *Reader) Events(name string) audit.Table {
	table, err := audit.DefaultTable().With(r.Optional(name, ""))
	if err != nil {
		r.refuse(name, "is wrong: %w", err)
	}
	return table
}

// Cloud are the settings of every function: AUTOPROVISION_PROJECT, _REGION,
// _RECONCILE_URL, _SWEEP_URL and _TASKS_ACCOUNT, and with these defaults
// _DATABASE (default), _QUEUE_PREFIX autoprovision- and _SECRET_PREFIX autoprovision-.
func (r *Reader) Cloud() googlecloud.Config {
	return googlecloud.Config{
		Project: r.Text("PROJECT"), Region: r.Text("REGION"), Database: r.Optional("DATABASE", "(default)"),
		QueuePrefix: r.Optional("QUEUE_PREFIX", "autoprovision-"), SecretPrefix: r.Optional("SECRET_PREFIX", "autoprovision-"),
		ReconcileURL: r.URL("RECONCILE_URL"), SweepURL: r.URL("SWEEP_URL"), TasksAccount: r.Account("TASKS_ACCOUNT"),
	}
}

// Directory are the settings of a function that reads the directory besides:
// AUTOPROVISION_DIRECTORY_ACCOUNT and _DIRECTORY_SUBJECT.
func (r *Reader) Directory() googlecloud.Config {
	c := r.Cloud()
	c.DirectoryAccount, c.DirectorySubject = r.Account("DIRECTORY_ACCOUNT"), r.Account("DIRECTORY_SUBJECT")
	return c
}

// Log is the function's log: AUTOPROVISION_LOG_LEVEL debug, info (the default), warn or error.
func (r *Reader) Log(w io.Writer, project string) *slog.Logger {
	var level slog.Level
	if text := r.Optional("LOG_LEVEL", "info"); level.UnmarshalText([]byte(text)) != nil {
		r.refuse("LOG_LEVEL", "is %q: choose debug, info, warn or error", text)
	}
	return NewLog(w, project, level)
}
