// Command bench measures the local program: how long syncs take, how many calls
// they cost, how much memory they need, how long a change in the directory takes
// until it is in the app, and on what it waits; each beside the bound that it has
// to keep and, for times, beside what the services' latency and the directory's
// quota alone make it cost.
//
// It owns the measuring and the bounds. It drives the program through its HTTP
// API alone, as a process of its own beside one for the simulated services,
// whose counters are the truth about calls. It promises to exit with status 1
// when a bound is passed, and to stop what it started. It is no part of the product.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// settings are what the command was started with.
type settings struct {
	people      int
	changes     int
	latency     time.Duration
	concurrency int
	// appLimit is how many calls a second the app allows; 0 for no limit.
	appLimit float64
	// The endpoints to measure against, all empty for simulated ones.
	directoryURL, directoryCredentials string
	scimURL, appToken, group           string
	// editToken is of somebody who may edit the given directory; empty when nobody may.
	editToken string
}

// simulated reports whether the bench serves what it measures against.
func (s settings) simulated() bool { return s.directoryURL == "" && s.scimURL == "" }

// errNotOK says that something passed its bound; the table says what.
var errNotOK = errors.New("not every figure is within its bound")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := start(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		stop()
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// start runs the command, or, when the bench started itself for that, serves.
func start(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) > 0 && args[0] == serveCommand {
		return serve(args[1:], stdin, stdout)
	}
	s, err := readSettings(args, stderr)
	if err != nil {
		return err
	}
	all, err := measure(ctx, s, stderr)
	if err != nil {
		return err
	}
	if !s.simulated() {
		fmt.Fprintln(stdout, "The services are given ones: they count no calls for us, and lose no messages and empty no group on request.")
		if s.editToken == "" {
			fmt.Fprintln(stdout, "Nobody was changed, for want of a -directory-edit-token.")
		}
	}
	ok := print(stdout, all)
	printWaits(stdout, all)
	if !ok {
		return errNotOK
	}
	return nil
}

func readSettings(args []string, out io.Writer) (settings, error) {
	var s settings
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(out)
	fs.IntVar(&s.people, "people", 10_000, "`number` of simulated people, all in one group")
	fs.IntVar(&s.changes, "changes", 1000, "`number` of people whose names change at once, as far as there are so many")
	fs.DurationVar(&s.latency, "latency", 20*time.Millisecond, "`time` that each simulated call takes; for given services, the one to reckon with")
	fs.IntVar(&s.concurrency, "concurrency", 10, "`calls` on the app at a time")
	fs.Float64Var(&s.appLimit, "app-limit", 0, "`calls` a second that the app allows; 0 for no limit")
	fs.StringVar(&s.directoryURL, "directory-url", "", "base `URL` of a Directory API to measure against (default a simulated one)")
	fs.StringVar(&s.directoryCredentials, "directory-credentials", "", "its credentials, as of infra/local")
	fs.StringVar(&s.scimURL, "scim-url", "", "base `URL` of a SCIM 2.0 service to measure against, which gets the group's accounts (default a simulated one)")
	fs.StringVar(&s.appToken, "app-token", "", "access `token` of that service")
	fs.StringVar(&s.group, "group", "", "`address` of the group that is provisioned, with -directory-url")
	fs.StringVar(&s.editToken, "directory-edit-token", "", "access `token` that may edit the given directory's users: family names of people in the group are changed, and changed back. For a test tenant only")
	fs.Usage = func() {
		fmt.Fprintln(out, "usage: go run ./infra/bench [flags]\n\nMeasures infra/local against its bounds; exits with 1 when one is passed.")
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		return s, err
	}
	given := s.directoryURL != "" && s.scimURL != "" && s.appToken != "" && s.group != ""
	none := s.simulated() && s.appToken == "" && s.group == "" && s.directoryCredentials == "" && s.editToken == ""
	switch {
	case fs.NArg() > 0:
		return s, fmt.Errorf("unexpected argument %q: every setting is a flag, see -help", fs.Arg(0))
	case !given && !none:
		return s, errors.New("given services need all of -directory-url, -scim-url, -app-token and -group; simulated ones none")
	case s.changes < 1 || s.people < 1 || s.people > 1_000_000 || s.concurrency < 1 || s.concurrency > 64 || s.latency < 0 || s.appLimit < 0:
		return s, errors.New("choose -people from 1 to 1000000, -changes from 1, -concurrency from 1 to 64, and a -latency and an -app-limit that are not negative")
	}
	return s, nil
}
