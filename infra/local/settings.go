package main

import (
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"example.com/autoprovision/shared/secrets"
)

// settings are what the program was started with.
type settings struct {
	addr string
	// data is the folder of the state; temporary ones are removed on exit.
	data      string
	temporary bool
	// directoryURL and scimURL are empty for the simulated services.
	directoryURL string
	credentials  string
	// directoryLimit is calls a minute on the directory; 0 for Google's, and for none on this machine.
	directoryLimit int
	scimURL        string
	speed          float64
	adminToken     secrets.Value
	sweepEvery     time.Duration
	jsonLog        bool
	// maxPages bounds the state's file, in pages of 4096 bytes, for the test of
	// a full disk; 0, which no flag changes, for no bound.
	maxPages int
}

// readSettings reads flags, and the environment for flags that are not given.
// The error is one that says what to do; flag.ErrHelp when help was asked for.
func readSettings(args []string, getenv func(string) string, out io.Writer) (settings, error) {
	var s settings
	var adminToken, log string
	fs := flag.NewFlagSet("local", flag.ContinueOnError)
	fs.SetOutput(out)
	fs.StringVar(&s.addr, "addr", "127.0.0.1:8080", "loopback `address` of console, API and function endpoints")
	fs.StringVar(&s.data, "data", "", "`folder` of the state, the secrets and what the simulated services hold, kept on exit (default a new temporary folder, removed on exit)")
	fs.StringVar(&s.directoryURL, "directory-url", "", "base `URL` of a Directory API (default the simulated Workspace)")
	fs.StringVar(&s.credentials, "directory-credentials", "", "for the real Directory API: `FILE,ADMIN` for a service account key and the administrator to act as, or adc:SERVICEACCOUNT,ADMIN")
	fs.IntVar(&s.directoryLimit, "directory-limit", 0, "most `calls` a minute on the directory (default Google's 2400, or no limit for one on loopback)")
	fs.StringVar(&s.scimURL, "scim-url", "", "base `URL` of a SCIM 2.0 service (default the simulated Comeet)")
	fs.Float64Var(&s.speed, "speed", 1, "business `seconds` that pass in a real second; other than 1 only with both services on loopback")
	fs.StringVar(&adminToken, "admin-token", "", "bearer `token` of the API and sign-in (default random, printed)")
	fs.DurationVar(&s.sweepEvery, "sweep-every", 4*time.Hour, "`time` between sweeps, in business time")
	fs.StringVar(&log, "log", "text", "`form` of the log: text for a person, json for a machine")
	fs.Usage = func() {
		fmt.Fprintln(out, "usage: go run ./infra/local [flags]\n\nEach flag is also an environment variable: AUTOPROVISION_ADDR for -addr, AUTOPROVISION_DIRECTORY_URL for -directory-url.")
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		return s, err
	}
	if fs.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q: every setting is a flag, see -help", fs.Arg(0))
	}
	if err := fromEnvironment(fs, getenv); err != nil {
		return s, err
	}
	s.jsonLog = log == "json"
	if log != "json" && log != "text" {
		return s, fmt.Errorf("-log is %q: choose text or json", log)
	}
	if adminToken == "" {
		adminToken = rand.Text()
	}
	s.adminToken = secrets.NewValue(adminToken)
	return s, s.check()
}

func fromEnvironment(fs *flag.FlagSet, getenv func(string) string) error {
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var errs []error
	fs.VisitAll(func(f *flag.Flag) {
		name := "AUTOPROVISION_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if value := getenv(name); value != "" && !given[f.Name] {
			if err := fs.Set(f.Name, value); err != nil {
				errs = append(errs, fmt.Errorf("the environment variable %s: %w", name, err))
			}
		}
	})
	return errors.Join(errs...)
}

// check refuses what cannot work, and speed where it could touch real people.
func (s settings) check() error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if host, _, err := net.SplitHostPort(s.addr); err != nil {
		refuse("-addr is %q: write host:port, such as 127.0.0.1:8080", s.addr)
	} else if !isLoopback(host) {
		refuse("-addr is %q: this program speaks plain HTTP, so it listens on loopback only, such as 127.0.0.1:8080", s.addr)
	}
	for flag, text := range map[string]string{"directory-url": s.directoryURL, "scim-url": s.scimURL} {
		u, err := url.Parse(text)
		switch {
		case text == "":
		case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
			refuse("-%s is %q: write a whole URL, such as https://host/path", flag, text)
		case u.Scheme == "http" && !isLoopback(u.Hostname()):
			refuse("-%s is %q: use https, since tokens would travel in the open", flag, text)
		case u.User != nil || u.RawQuery != "" || u.Fragment != "":
			refuse("-%s must have no user, query or fragment", flag)
		}
	}
	if !(s.speed > 0 && s.speed <= 10_000_000) {
		refuse("-speed is %v: choose a number above 0, such as 86400 for a day a second", s.speed)
	}
	if s.speed != 1 && (!simulatedOrLoopback(s.directoryURL) || s.credentials != "" || !simulatedOrLoopback(s.scimURL)) {
		refuse("-speed %v would make real people's deadlines come early: it is only for services on loopback", s.speed)
	}
	if s.directoryLimit < 0 {
		refuse("-directory-limit is %d: choose the calls a minute that the directory allows", s.directoryLimit)
	}
	if s.sweepEvery < time.Second {
		refuse("-sweep-every is %v: choose a second or more", s.sweepEvery)
	}
	return errors.Join(errs...)
}

func simulatedOrLoopback(text string) bool {
	u, err := url.Parse(text)
	return text == "" || err == nil && isLoopback(u.Hostname())
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// folder makes or finds the data folder.
func (s *settings) folder() error {
	if s.data == "" {
		dir, err := os.MkdirTemp("", "autoprovision-")
		if err != nil {
			return fmt.Errorf("a temporary data folder cannot be made: %w: give a folder with -data", err)
		}
		s.data, s.temporary = dir, true
		return nil
	}
	if err := os.MkdirAll(s.data, 0o700); err != nil { // #nosec G703 -- the folder that the program was started with
		return fmt.Errorf("the data folder cannot be made: %w: choose another with -data", err)
	}
	return nil
}
