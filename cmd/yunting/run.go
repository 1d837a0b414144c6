package main

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"yunting/docket"
	"yunting/internal/blob"
	"yunting/internal/diskspace"
	"yunting/internal/identity"
	"yunting/internal/ledger"
	"yunting/internal/postgres"
	"yunting/internal/secrets"
	"yunting/media"
	"yunting/service"
	"yunting/service/grid"
	"yunting/service/mail"
	"yunting/service/sign"
	"yunting/signaling"
	"yunting/web"
)

// court is everything that runs, wired. Its parts are started by open and stopped in reverse by close.
type court struct {
	options  options
	log      *slog.Logger
	pool     *pgxpool.Pool
	blobs    blob.Store
	identity *identity.Service
	ledger   *ledger.Log
	docket   *docket.Docket
	service  *service.Service
	jobs     *river.Client[pgx.Tx]
	sfu      *media.SFU
	hub      *signaling.Hub
	space    *diskspace.Guard
	belongings
	metrics  *metrics.Set
	secure   *tls.Config     // of HTTPS and TURN over TLS; nil speaks plain HTTP
	mailDir  string          // of the spool; empty when a real server sends
	database <-chan struct{} // closed when the private PostgreSQL ended; nil with a server of one's own
	claim    *postgres.Claim
	stops    []stop
}

// stop is how one part ends, and how long it may take.
type stop struct {
	name  string
	limit time.Duration
	fn    func(context.Context) error
}

func (c *court) onStop(name string, limit time.Duration, fn func(context.Context) error) {
	c.stops = append(c.stops, stop{name, limit, fn})
}

// close stops the parts, the last started first, and reports every failure.
func (c *court) close() error {
	var failures []error
	for i := len(c.stops) - 1; i >= 0; i-- {
		s := c.stops[i]
		ctx, cancel := context.WithTimeout(context.Background(), s.limit)
		if err := s.fn(ctx); err != nil {
			failures = append(failures, fmt.Errorf("stop %s: %w", s.name, err))
		}
		cancel()
	}
	return errors.Join(failures...)
}

// open builds and starts every part in the order in which they need each other. On failure what was started is
// stopped again. This is all the wiring there is.
func open(ctx context.Context, o options, log *slog.Logger) (_ *court, err error) {
	c := &court{options: o, log: log, metrics: newMetrics()}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	if err := o.preflight(); err != nil {
		return nil, err
	}
	if err := c.openTLS(); err != nil {
		return nil, err
	}
	court, keys := docket.ProfileCN(), filepath.Join(o.DataDir, "keys")
	signer := sync.OnceValues(func() (*sign.Signer, error) { return o.signer(filepath.Join(keys, "signing"), court.Name) })
	tools := sync.OnceValue(func() grid.Tools { return c.filmTools(ctx) })
	var aside sync.WaitGroup // what takes a core that the database's start leaves idle
	c.onStop("preparations", 30*time.Second, func(context.Context) error { aside.Wait(); return nil })
	aside.Go(func() { tools() })
	if o.begins() {
		aside.Go(func() { _, _ = signer() }) // a failure is told where it is asked for again, below
	}
	if err := c.openDatabase(ctx); err != nil {
		return nil, err
	}
	if err := c.checkKeys(ctx, keys); err != nil {
		return nil, err
	}
	identityKey, err := secrets.Load(keys, "identity", 32)
	if err != nil {
		return nil, fmt.Errorf("identity key: %w", err)
	}
	ledgerSeed, err := secrets.Load(keys, "ledger", ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("ledger key: %w", err)
	}
	invitationKey, err := secrets.Load(keys, "invitations", 32)
	if err != nil {
		return nil, fmt.Errorf("invitation key: %w", err)
	}
	if c.blobs, err = blob.Open(o.BlobURL); err != nil {
		return nil, fmt.Errorf("file store: %w", err)
	}
	public, err := url.Parse(o.PublicURL)
	if err != nil {
		return nil, err
	}
	c.ledger, err = ledger.Open(ctx, ledger.Options{Pool: c.pool, Key: ed25519.NewKeyFromSeed(ledgerSeed), Origin: public.Hostname() + "/ledger",
		Now: time.Now, Logger: log, AnchorFile: filepath.Join(o.DataDir, "ledger.checkpoint")})
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	c.ledger.Start()
	c.onStop("ledger", 10*time.Second, func(context.Context) error { c.ledger.Stop(); return nil })

	// Modules put jobs into their transactions through a client that only inserts; the one that works is made last.
	inserter, err := river.NewClient(riverpgxv5.New(c.pool), &river.Config{Logger: log})
	if err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	c.identity = identity.New(c.pool, identity.Options{Now: time.Now, Key: identityKey})
	c.docket = docket.New(docket.Config{Pool: c.pool, Blobs: c.blobs, Jobs: inserter, Identity: c.identity, Now: time.Now, Court: court, Key: invitationKey})
	c.watchFiles(ctx)
	signs, err := signer()
	if err != nil {
		return nil, fmt.Errorf("signing keys: %w", err)
	}
	mailer, err := c.openMail()
	if err != nil {
		return nil, err
	}
	c.service = service.New(service.Config{Pool: c.pool, Docket: c.docket, Blobs: c.blobs, Signer: signs, Mail: mailer, Jobs: inserter,
		Ledger: c.ledger, Identity: c.identity, Now: time.Now, PublicURL: o.PublicURL, Logger: log,
		FilmDir: filepath.Join(o.DataDir, "films"), FilmTools: tools()})
	if err := c.openHearings(ctx); err != nil {
		return nil, err
	}
	if err := c.watchSpace(); err != nil {
		return nil, err
	}
	return c, c.startJobs(ctx)
}

// signer signs documents with the keys that are configured, else with the demonstration's own under dir.
func (o *options) signer(dir, court string) (*sign.Signer, error) {
	if o.SigningKey != "" {
		return sign.Load(sign.Files{Key: o.SigningKey, Roots: o.SigningRoots, StampURL: o.TSAURL})
	}
	return sign.LoadOrCreate(dir, court, time.Now)
}

// openDatabase connects to the configured server, or starts the private one.
func (c *court) openDatabase(ctx context.Context) error {
	dsn := c.options.DatabaseURL
	if dsn == "" {
		server, err := postgres.Launch(ctx, filepath.Join(c.options.DataDir, "postgres"), c.log)
		if err != nil {
			return fmt.Errorf("embedded PostgreSQL: %w", err)
		}
		c.onStop("PostgreSQL", 60*time.Second, func(context.Context) error { return server.Stop() })
		c.database = server.Done()
		dsn = server.DSN("yunting")
	}
	var err error
	if c.pool, err = postgres.Connect(ctx, dsn); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	c.onStop("database connections", 5*time.Second, func(context.Context) error { c.pool.Close(); return nil })
	if c.claim, err = postgres.TakeClaim(ctx, c.pool, postgres.ClaimWait, c.log); err != nil {
		return err
	}
	c.onStop("claim on the database", 10*time.Second, func(context.Context) error { c.claim.Release(); return nil })
	return postgres.Migrate(ctx, c.pool)
}

// filmTools finds ffmpeg. Without it the court makes no films of hearings and says so; all else works.
func (c *court) filmTools(ctx context.Context) grid.Tools {
	tools, err := grid.FindTools(ctx)
	if err != nil {
		c.log.Info("no films of hearings are made", "reason", err)
	}
	return tools
}

func (c *court) openMail() (mail.Mailer, error) {
	if c.options.SMTPURL == "" {
		c.mailDir = filepath.Join(c.options.DataDir, "mail")
		return mail.NewSpool(c.mailDir, c.options.MailFrom)
	}
	config, err := mail.ParseURL(c.options.SMTPURL)
	if err != nil {
		return nil, fmt.Errorf("--smtp-url: %w", err)
	}
	if config.From == "" {
		config.From = c.options.MailFrom
	}
	return mail.NewSMTP(config)
}

// openHearings starts media and the rooms, and takes in what recordings a crash left behind.
func (c *court) openHearings(ctx context.Context) error {
	err := c.discoverAddresses(ctx)
	if err != nil {
		return err
	}
	c.sfu, err = media.New(c.mediaConfig())
	if err != nil {
		return c.options.mediaError(err)
	}
	c.onStop("media", 5*time.Second, func(context.Context) error { return c.sfu.Close() })
	ways, err := c.openWays()
	if err != nil {
		return err
	}
	if ways.Embedded != nil {
		c.onStop("TURN server", 5*time.Second, func(context.Context) error { return ways.Embedded.Close() })
	}
	c.hub, err = signaling.New(signaling.Config{Docket: c.docket, SFU: c.sfu, Blobs: c.blobs,
		RecordingDir: filepath.Join(c.options.DataDir, "recordings"), Origins: []string{c.options.PublicURL},
		Name: c.accountName, Ways: ways, Now: time.Now, Logger: c.log, Metrics: c.metrics})
	if err != nil {
		return fmt.Errorf("hearing rooms: %w", err)
	}
	if err := c.hub.Start(ctx); err != nil {
		return fmt.Errorf("recordings left by a crash: %w", err)
	}
	c.onStop("hearing rooms", 30*time.Second, c.hub.Shutdown)
	return nil
}

// watchSpace keeps the docket writable: recording stops while there is still room for it.
func (c *court) watchSpace() (err error) {
	others := []string{filepath.Join(c.options.DataDir, "recordings")}
	if !strings.Contains(c.options.BlobURL, "://") {
		others = append(others, c.options.BlobURL)
	}
	c.space, err = diskspace.Open(diskspace.Options{Dir: c.options.DataDir, Others: others, Reserve: c.options.ReserveMiB << 20,
		Changed: func(s diskspace.State) { c.hub.SetLowSpace(s != diskspace.Enough) }, Logger: c.log, Metrics: c.metrics})
	if err != nil {
		return fmt.Errorf("disk space: %w", err)
	}
	if w := c.space.Warning(); w != "" {
		c.log.Warn(w)
	}
	c.space.Start()
	c.onStop("watch of the disks", 5*time.Second, func(context.Context) error { c.space.Stop(); return nil })
	return nil
}

func (c *court) accountName(ctx context.Context, id uuid.UUID) (string, error) {
	account, err := c.identity.Account(ctx, id)
	return account.Person.Name, err
}

// Jobs that run when the court stops get softStop to end; then they are told to, and put back for the next start.
const (
	softStop = 10 * time.Second
	hardStop = 10 * time.Second
)

// putBack gives a job that the court's end interrupted back to the queue, as if it had not been tried.
func putBack(ctx context.Context, _ *rivertype.JobRow, work func(context.Context) error) error {
	err := work(ctx)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return river.JobSnooze(0)
	}
	return err
}

// collectEvery is how often what nobody owns is collected, and the docket's newest files are looked for.
const collectEvery = 6 * time.Hour

// startJobs starts the client that works the queues. A job whose worker died is taken up again within about a minute, not River's hour.
func (c *court) startJobs(ctx context.Context) error {
	workers := river.NewWorkers()
	c.service.Workers(workers)
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, _ *river.Job[web.CollectArgs]) error {
		c.checkFiles(ctx)
		if _, err := c.docket.NoticeDrafts(ctx); err != nil {
			return err
		}
		if err := web.CollectDrafts(ctx, c.webConfig(nil)); err != nil {
			return err
		}
		return web.CollectUploads(ctx, c.webConfig(nil))
	}))
	collect := river.NewPeriodicJob(river.PeriodicInterval(collectEvery), func() (river.JobArgs, *river.InsertOpts) { return web.CollectArgs{}, nil },
		&river.PeriodicJobOpts{RunOnStart: true})
	client, err := river.NewClient(riverpgxv5.New(c.pool), &river.Config{
		Logger: c.log, Workers: workers, Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 4}, service.FilmQueue: {MaxWorkers: 1}},
		JobTimeout: 40 * time.Second, RescueStuckJobsAfter: 50 * time.Second, SoftStopTimeout: softStop,
		PeriodicJobs: []*river.PeriodicJob{collect},
		Middleware:   []rivertype.Middleware{river.WorkerMiddlewareFunc(putBack)},
	})
	if err != nil {
		return fmt.Errorf("jobs: %w", err)
	}
	if err := c.service.ResumeFilms(ctx); err != nil {
		return err
	}
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("jobs: %w", err)
	}
	c.jobs = client
	c.onStop("jobs", softStop+hardStop, func(ctx context.Context) error {
		c.service.StopFilms()
		return client.Stop(ctx)
	})
	return nil
}

// ready says why the court cannot work now.
func (c *court) ready(ctx context.Context) error {
	if err := c.pool.Ping(ctx); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if err := c.ledger.Err(); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if c.space.State() == diskspace.Spent {
		return errors.New(c.space.Warning())
	}
	return nil
}

// webConfig is what the pages and the API are made of.
func (c *court) webConfig(demo *web.DemoInfo) web.Config {
	return web.Config{Pool: c.pool, Docket: c.docket, Service: c.service, Identity: c.identity, Hub: c.hub, SFU: c.sfu, Ledger: c.ledger,
		Blobs: c.blobs, PublicURL: c.options.PublicURL, Demo: demo, DataDir: c.options.DataDir, Now: time.Now, Logger: c.log,
		Ready: c.ready, Warning: c.space.Warning, MissingFiles: c.MissingFiles, Metrics: c.metrics}
}
