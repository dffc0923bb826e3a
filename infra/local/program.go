package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"example.com/autoprovision/functions/console/api"
	"example.com/autoprovision/functions/console/pages"
	"example.com/autoprovision/functions/endpoint"
	"example.com/autoprovision/infra/playground"
	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/comeet"
	"example.com/autoprovision/shared/directory/workspace"
	"example.com/autoprovision/shared/egress"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/secrets/file"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/state/sqlite"
	"example.com/autoprovision/shared/tasks/sqlitequeue"
	"example.com/autoprovision/shared/throttle"
	"example.com/autoprovision/shared/wiring"
)

// program is the whole system in one process.
type program struct {
	settings settings
	log      *slog.Logger
	business *businessTime
	sim      *simulated
	file     *sqlitefile.File
	queue    *sqlitequeue.Queue
	system   *wiring.System
	listener net.Listener
	server   *http.Server
	// closing is closed when close begins.
	closing chan struct{}
}

// open builds everything and listens; nothing runs yet. What it opened is
// closed again when it fails.
func open(ctx context.Context, s settings, log *slog.Logger) (_ *program, err error) {
	if err := s.folder(); err != nil {
		return nil, err
	}
	p := &program{settings: s, log: log, closing: make(chan struct{})}
	defer func() {
		if err != nil {
			p.close(context.WithoutCancel(ctx))
		}
	}()
	if p.business, err = openBusinessTime(s.data, s.speed); err != nil {
		return p, err
	}
	if p.listener, err = net.Listen("tcp", s.addr); err != nil {
		return p, fmt.Errorf("listening on %s: %w: choose another address with -addr", s.addr, err)
	}
	p.file, err = sqlitefile.Open(filepath.Join(s.data, "autoprovision.db"), []sqlitefile.Schema{sqlite.Schema(), sqlitequeue.Schema()},
		&sqlitefile.Options{MaxPages: s.maxPages})
	if err != nil {
		return p, err
	}
	if p.sim, err = startSimulated(s, p.business.now); err != nil {
		return p, err
	}
	return p, p.build(ctx)
}

func (p *program) build(ctx context.Context) error {
	store, err := sqlite.New(p.file)
	if err != nil {
		return err
	}
	vault, err := file.Open(p.settings.data)
	if err != nil {
		return err
	}
	dir, err := p.directory(ctx)
	if err != nil {
		return err
	}
	base := "http://" + p.listener.Addr().String()
	token := secrets.NewValue(rand.Text())
	p.queue, err = sqlitequeue.New(p.file, sqlitequeue.Config{
		Queues: endpoints(base), Token: token, Business: p.business.now, Real: clock.System, Log: p.log,
	})
	if err != nil {
		return err
	}
	profile := comeet.Profile()
	connection := profile.Connection
	connection.RequestsPerSecond = 0 // unlimited unless set: the services are on this machine, or the administrator's own
	connection.BaseURL = cmp.Or(p.settings.scimURL, p.sim.scimURL)
	p.system = wiring.Build(wiring.Parts{
		Profile: profile, Store: store, Tasks: p.queue, Secrets: vault, Directory: dir,
		Business: p.business.now, Real: clock.System, Log: p.log,
		Connection: connection, FixedBaseURL: true, Egress: egress.OwnMachine, PushAddress: p.pushAddress(base), Backlog: p.queue.Pending,
		SweepEvery: p.settings.sweepEvery,
		Limit:      func(_ context.Context, c provision.Connection) error { return limitQueues(p.queue, c) },
	})
	routes, err := p.routes(ctx, token)
	if err != nil {
		return err
	}
	p.server = newServer(routes, serverLimits())
	if err := p.system.Admin.Init(ctx); err != nil {
		return err
	}
	if err := p.limitStored(ctx); err != nil {
		return err
	}
	if err := p.openSources(ctx); err != nil {
		return err
	}
	return p.system.Reconciler.TakeOver(ctx) // the file's lock says that no other process works on it
}

// directory is the client of the simulated directory, of one on a given URL, or of Google's.
func (p *program) directory(ctx context.Context) (*workspace.Client, error) {
	hc := &http.Client{}
	who, admin, _ := strings.Cut(p.settings.credentials, ",")
	var err error
	switch {
	case p.settings.credentials == "":
	case strings.HasPrefix(who, "adc:"):
		hc, err = workspace.ImpersonatedClient(ctx, strings.TrimPrefix(who, "adc:"), admin)
	default:
		key, readErr := os.ReadFile(who) // #nosec G304 -- the key file that the program was started with
		if readErr != nil {
			return nil, fmt.Errorf("-directory-credentials: %w", readErr)
		}
		hc, err = workspace.KeyClient(ctx, key, admin)
	}
	if err != nil {
		return nil, fmt.Errorf("-directory-credentials: %w: write FILE,ADMIN@DOMAIN or adc:SERVICEACCOUNT,ADMIN@DOMAIN", err)
	}
	url := cmp.Or(p.settings.directoryURL, p.sim.directoryURL)
	if p.settings.credentials != "" && p.settings.directoryURL == "" {
		url = "" // Google's own
	}
	opts := &workspace.Options{BaseURL: url}
	if n := p.settings.directoryLimit; n > 0 {
		opts.Limiter = workspace.PerMinute(n)
	} else if p.settings.credentials == "" && simulatedOrLoopback(p.settings.directoryURL) {
		opts.Limiter = throttle.New(rate.Inf, 0) // Google's quota is not that of a directory on this machine
	}
	return workspace.New(ctx, hc, opts)
}

// pushAddress is where a directory on this machine can reach us; Google's cannot.
func (p *program) pushAddress(base string) string {
	if p.settings.credentials != "" || !simulatedOrLoopback(p.settings.directoryURL) {
		return ""
	}
	return base + "/directory-push"
}

func (p *program) routes(ctx context.Context, queueToken secrets.Value) (http.Handler, error) {
	e := &endpoint.Endpoints{
		Reconciler: p.system.Reconciler, Sweeper: p.system.Sweeper, Push: p.system.Push, Audit: p.system.Audit, Health: p.system.Health,
		Store: p.system.Store, Now: p.business.now, NewID: rand.Text, Log: p.log, Queue: bearer(queueToken), Publisher: publisher,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /directory-push", e.DirectoryPush)
	mux.HandleFunc("POST /audit-event", e.AuditEvent)
	mux.HandleFunc("POST /renew-channels", e.RenewChannels)
	mux.HandleFunc("POST /reconcile", e.Reconcile)
	mux.HandleFunc("POST /sweep", p.untilClosing(e.Sweep))
	mux.Handle("/api/v1/", api.New(p.system.Admin, p.settings.adminToken))
	console, err := p.console(ctx)
	mux.Handle("/", console)
	return mux, err
}

// untilClosing cuts a request off when the program closes: a sweep waits for
// looks that the queue then delivers no more, and goes on at the next start.
func (p *program) untilClosing(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		go func() {
			select {
			case <-p.closing:
				cancel()
			case <-ctx.Done():
			}
		}()
		h(w, r.WithContext(ctx))
	}
}

// console is the pages, with the playground where nothing is real. Sessions
// end with the program, whose key is its own.
func (p *program) console(ctx context.Context) (http.Handler, error) {
	o := pages.Options{Service: p.system.Admin, SignIn: pages.TokenSignIn(p.settings.adminToken), SessionKey: pages.Fixed(secrets.NewValue(rand.Text()))}
	if p.sim.comeet != nil {
		o.TokenIs = "Comeet is simulated here: the program printed its access token at its start. Of a real Comeet it is here:"
	}
	console := pages.New(o)
	if !p.playground() {
		return console, nil
	}
	return console, playground.Add(ctx, playground.Parts{Console: console, Service: p.system.Admin,
		Workspace: p.sim.workspace, Comeet: p.sim.comeet, Advance: p.business.advance})
}

// playground reports whether nothing is real, so that there is one.
func (p *program) playground() bool { return p.sim.workspace != nil && p.sim.comeet != nil }

// bearer lets in who carries a token, compared in constant time.
func bearer(token secrets.Value) endpoint.Caller {
	want := sha256.Sum256([]byte("Bearer " + token.Reveal()))
	return func(r *http.Request) error {
		got := sha256.Sum256([]byte(r.Header.Get("Authorization")))
		if subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
			return fault.New(fault.Unauthorized, "local: task", "only this program's own queue may call this")
		}
		return nil
	}
}

// run serves until the context ends, and then stops cleanly.
func (p *program) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var sources sync.WaitGroup
	defer sources.Wait()
	defer cancel()
	failed := make(chan error, 2)
	go func() {
		if err := p.server.Serve(p.listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	}()
	go func() {
		if err := p.queue.Run(context.WithoutCancel(ctx)); err != nil {
			failed <- err
		}
	}()
	sources.Go(func() { p.keepSources(ctx) })
	schedule := time.NewTicker(p.tick())
	defer schedule.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-schedule.C:
			p.beat(ctx)
		}
	}
}

// tick is how often the schedule is looked at, in real time.
func (p *program) tick() time.Duration {
	every := time.Duration(float64(p.settings.sweepEvery) / p.settings.speed / 10)
	return min(max(every, 50*time.Millisecond), time.Second)
}

// beat asks for a sweep when one is due, keeps the business time, and has the
// queues follow the rate that the app bears.
func (p *program) beat(ctx context.Context) {
	p.limitPresent()
	if err := p.business.save(); err != nil {
		p.log.Error("the business time could not be saved", "error", err.Error())
	}
	if err := p.system.Sweeper.Schedule(ctx, p.settings.sweepEvery); err != nil {
		p.log.Error("a sweep could not be scheduled", "error", err.Error())
	}
}

// close stops taking work, lets what is under way end, and closes the file.
func (p *program) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	close(p.closing)
	if p.queue != nil {
		if err := p.queue.Close(ctx); err != nil {
			p.log.Warn("work under way was cut off and goes on at the next start", "error", err.Error())
		}
	}
	if p.server != nil {
		p.shutDown(ctx)
	}
	if p.listener != nil {
		p.listener.Close() // #nosec G104 -- the server has mostly closed it, which is the error
	}
	if p.sim != nil {
		p.sim.close()
	}
	if p.business != nil {
		if err := p.business.save(); err != nil {
			p.log.Error("the business time could not be saved", "error", err.Error())
		}
	}
	if p.file != nil {
		if err := p.file.Close(); err != nil {
			p.log.Error("the state could not be closed", "error", err.Error())
		}
	}
	if p.settings.temporary {
		os.RemoveAll(p.settings.data) // #nosec G104 G703 -- the folder that this program made, and the last that it does
	}
}

// shutDown lets requests under way end, but waits no longer than a moment:
// connections that never carried one would keep it for seconds.
func (p *program) shutDown(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if p.server.Shutdown(ctx) != nil {
		p.server.Close() // #nosec G104 -- the program ends, and its connections with it
	}
}
