// Package googlecloud opens a system's parts in Google Cloud, and has them put
// together.
//
// It owns which of Google's services stands behind which port, and what bounds the
// deliveries to the functions. It promises that opening calls none of the services.
// Nothing that runs outside of Google Cloud imports it.
package googlecloud

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	tasksclient "cloud.google.com/go/cloudtasks/apiv2"
	firestoreclient "cloud.google.com/go/firestore"
	secretsclient "cloud.google.com/go/secretmanager/apiv1"
	"golang.org/x/oauth2"
	"google.golang.org/api/option"

	"example.com/autoprovision/shared/audit"
	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/comeet"
	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/directory/workspace"
	"example.com/autoprovision/shared/egress"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/health"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/secrets/secretmanager"
	"example.com/autoprovision/shared/state/firestore"
	"example.com/autoprovision/shared/tasks"
	"example.com/autoprovision/shared/tasks/cloudtasks"
	"example.com/autoprovision/shared/wiring"
)

const (
	// ReconcileTime and SweepTime bound one delivery to the function of that
	// name, which is to be deployed with the same time-out. A look takes at most
	// two operations' time-outs and a sweep hands over after eight minutes.
	ReconcileTime = 5 * time.Minute
	SweepTime     = 10 * time.Minute
	// sweepEvery is how often deploy.sh schedules a sweep.
	sweepEvery = 4 * time.Hour
	// pollEvery is how often a sweep that waits counts, each time for a few reads
	// of Firestore that are paid for.
	pollEvery = 5 * time.Second
)

// Config says where in Google Cloud a system has its parts.
type Config struct {
	// Project, Region and Database are of Firestore, Cloud Tasks and Secret Manager.
	Project, Region, Database string
	// QueuePrefix and SecretPrefix are what the names of our queues and secrets begin with.
	QueuePrefix, SecretPrefix string
	// ReconcileURL and SweepURL are the functions that tasks are delivered to,
	// and TasksAccount is the service account that signs the deliveries.
	ReconcileURL, SweepURL, TasksAccount string
	// DirectoryAccount is the service account that the delegation is given to,
	// and DirectorySubject the administrator it acts as. Both are empty in a
	// function that does not read the directory.
	DirectoryAccount, DirectorySubject string
	// Events is of the function that hears the audit log; nil for the default.
	Events audit.Table
	// PushURL is where the directory's notifications come in; empty in a function
	// that opens no channel.
	PushURL string
	// SCIMURL is the app's base URL until an administrator sets another; it may be empty.
	SCIMURL string
}

// Outside is the world around a system, for the few that are not Google's: its
// zero value is Google's own. It is an argument of the functions' constructors
// and of nothing else, so that no setting of a deployed function leads to it.
type Outside struct {
	// Keys fetches the keys by which tokens are verified.
	Keys *http.Client
	// SignIn is the identity provider of administrators.
	SignIn oauth2.Endpoint
	// Tasks and Secrets reach Cloud Tasks and Secret Manager.
	Tasks, Secrets []option.ClientOption
	// DirectoryURL is the base URL of a Directory API that asks for no credentials.
	DirectoryURL string
	// Egress says where the app may be.
	Egress egress.Policy
	// Now is the time, business and real; nil for the machine's.
	Now func() time.Time
}

func (o Outside) now() func() time.Time {
	if o.Now == nil {
		return clock.System
	}
	return o.Now
}

// System is a system in Google Cloud.
type System struct {
	*wiring.System
	// Administrators are who may use its console.
	Administrators directory.Administrators
	// Now is the time.
	Now func() time.Time
}

// Open builds the system from Google Cloud's services. It calls none of
// them but to find the credentials of this process; what it opened is closed
// again when it fails, and otherwise ends with the process.
func Open(ctx context.Context, c Config, o Outside, log *slog.Logger) (_ *System, err error) {
	const op = "googlecloud: open"
	ctx = context.WithoutCancel(ctx) // the clients outlive the request that needs them first
	var opened []interface{ Close() error }
	defer func() {
		if err != nil {
			for _, client := range opened {
				err = errors.Join(err, client.Close())
			}
		}
	}()
	database, err := firestoreclient.NewClientWithDatabase(ctx, c.Project, c.Database)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, op, err)
	}
	opened = append(opened, database)
	taskClient, err := tasksclient.NewClient(ctx, o.Tasks...)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, op, err)
	}
	opened = append(opened, taskClient)
	secretClient, err := secretsclient.NewClient(ctx, o.Secrets...)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, op, err)
	}
	opened = append(opened, secretClient)
	now := o.now()
	queue, err := c.queue(taskClient, now)
	if err != nil {
		return nil, err
	}
	people, err := c.directory(ctx, o)
	if err != nil {
		return nil, err
	}
	profile := comeet.Profile()
	connection := profile.Connection
	connection.BaseURL = c.SCIMURL
	store := firestore.New(database, profile.ID, now)
	system := wiring.Build(wiring.Parts{
		Profile: profile, Store: store, Tasks: queue, Directory: people,
		Secrets:  secretmanager.New(secretClient, c.Project, c.SecretPrefix, now),
		Business: now, Real: now, Log: log,
		Connection: connection, Egress: o.Egress, Events: c.Events, PushAddress: c.PushURL,
		Backlog: health.Overdue(store, now), Deadlines: true, SweepEvery: sweepEvery, PollEvery: pollEvery,
		Limit: func(ctx context.Context, c provision.Connection) error { return limit(ctx, queue, c) },
	})
	return &System{system, people, now}, nil
}

// queue is the three queues, of which two deliver to the same function.
func (c Config) queue(client *tasksclient.Client, now clock.Business) (*cloudtasks.Queue, error) {
	path := "projects/" + c.Project + "/locations/" + c.Region + "/queues/" + c.QueuePrefix
	return cloudtasks.New(client, cloudtasks.Config{
		Queues: map[string]cloudtasks.Endpoint{
			tasks.Reconcile: {Queue: path + tasks.Reconcile, URL: c.ReconcileURL, Deadline: ReconcileTime},
			tasks.Bulk:      {Queue: path + tasks.Bulk, URL: c.ReconcileURL, Deadline: ReconcileTime},
			tasks.Sweep:     {Queue: path + tasks.Sweep, URL: c.SweepURL, Deadline: SweepTime},
		},
		ServiceAccount: c.TasksAccount, Business: now,
	})
}

// limit tells the queues whose looks may call the app of the app's limits. The
// app's rate itself is kept by its client, in the one process that looks are
// delivered to: how many calls a look takes, the queue cannot know.
func limit(ctx context.Context, queue *cloudtasks.Queue, c provision.Connection) error {
	for name, looks := range map[string]float64{tasks.Reconcile: wiring.LooksPerCall, tasks.Bulk: 1} {
		limits := cloudtasks.Limits{PerSecond: looks * c.RequestsPerSecond, Concurrency: wiring.Looks(c, c.Concurrency)}
		if err := queue.Limit(ctx, name, limits); err != nil {
			return err
		}
	}
	return nil
}

// directory is the Directory API, read as an administrator by domain-wide
// delegation. Where that is not given every request is refused here.
func (c Config) directory(ctx context.Context, o Outside) (*workspace.Client, error) {
	client := &http.Client{Transport: noDirectory{}}
	var err error
	switch {
	case c.DirectoryAccount == "":
	case o.DirectoryURL != "":
		client = &http.Client{}
	default:
		client, err = workspace.ImpersonatedClient(ctx, c.DirectoryAccount, c.DirectorySubject)
	}
	if err != nil {
		return nil, err
	}
	return workspace.New(ctx, client, &workspace.Options{BaseURL: o.DirectoryURL})
}

// noDirectory refuses the requests of a function that may not read the directory.
type noDirectory struct{}

func (noDirectory) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, fault.New(fault.Internal, "googlecloud: directory", "this function is deployed without access to the directory")
}
