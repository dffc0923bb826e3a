// Command local runs the whole of autoprovision in one process on one machine:
// every function, the embedded state, queue and secrets, and the console, on
// loopback. Without flags it runs against a simulated Workspace and a simulated
// Comeet, which it starts too.
//
// It owns the flags, the folder of the data and the end of the process. It
// promises that what it has answered for is on disk, also after a kill, and that
// a damaged or foreign folder is refused with what to do. It decides nothing:
// that is the same code as in Google Cloud.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := start(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "autoprovision:", err)
		os.Exit(1)
	}
}

// start runs the program until the context ends.
func start(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	s, err := readSettings(args, getenv, stderr)
	if err != nil {
		return err
	}
	log := logger(stderr, s.jsonLog)
	p, err := open(ctx, s, log)
	if err != nil {
		return err
	}
	defer p.close(context.WithoutCancel(ctx))
	p.announce(stdout)
	if err := p.run(ctx); err != nil {
		return err
	}
	log.Info("stopping")
	return nil
}

func logger(out io.Writer, asJSON bool) *slog.Logger {
	if asJSON {
		return slog.New(slog.NewJSONHandler(out, nil))
	}
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			return slog.String("at", a.Value.Time().Format(time.TimeOnly))
		}
		return a
	}}))
}

// announce prints where everything is: first the one address to open.
func (p *program) announce(out io.Writer) {
	fmt.Fprintf(out, "autoprovision runs: open http://%s/?token=%s\n", p.listener.Addr(), url.QueryEscape(p.settings.adminToken.Reveal()))
	if p.sim.workspace != nil {
		fmt.Fprintf(out, "  simulated Workspace  %s\n", p.sim.directoryURL)
	}
	if p.sim.comeet != nil {
		fmt.Fprintf(out, "  simulated Comeet     %s\n  its access token     %s\n", p.sim.scimURL, p.sim.comeet.Token())
	}
	if p.playground() {
		fmt.Fprintf(out, "  play with both       http://%s/playground, once signed in\n", p.listener.Addr())
		fmt.Fprintf(out, "  for a shell          API=http://%s/api/v1/apps/comeet TOKEN=%s DIRECTORY=%s APP_TOKEN=%s\n",
			p.listener.Addr(), quoted(p.settings.adminToken.Reveal()), p.sim.directoryURL, quoted(p.sim.comeet.Token()))
	}
	if p.settings.temporary {
		fmt.Fprintln(out, "  the state is in a temporary folder, and gone on exit; -data keeps it")
	}
	if p.settings.speed != 1 {
		fmt.Fprintf(out, "  a real second is %v business seconds\n", p.settings.speed)
	}
}

// quoted makes one word of a text for a POSIX shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
