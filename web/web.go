package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/jackc/pgx/v5/pgxpool"

	"yunting/docket"
	"yunting/internal/blob"
	"yunting/internal/identity"
	"yunting/internal/ledger"
	"yunting/media"
	"yunting/service"
	"yunting/signaling"
)

// Config is what the pages need. Pool, Docket, Service, Identity, Ledger,
// Blobs, PublicURL and DataDir are required; without Hub and SFU the hearing
// room answers 503.
type Config struct {
	Pool      *pgxpool.Pool // for form tokens and uploads, web's own tables
	Docket    *docket.Docket
	Service   *service.Service
	Identity  *identity.Service
	Hub       *signaling.Hub
	SFU       *media.SFU
	Ledger    *ledger.Log
	Blobs     blob.Store
	PublicURL string    // scheme and host that browsers use; decides links, cookies and origins
	Demo      *DemoInfo // nil outside demo mode
	DataDir   string    // unfinished uploads lie in DataDir/uploads
	Now       func() time.Time
	Logger    *slog.Logger
	// Ready says why the server cannot work now; nil when it can.
	Ready func(ctx context.Context) error
	// Warning says what is wrong while the server still works, such as a disk that is nearly full; empty when
	// nothing is. Nil warns of nothing.
	Warning func() string
	// MissingFiles says how many of the docket's newest files the file store lacked when it was last looked at, and
	// how many were looked for. It looks at nothing itself. Nil is none.
	MissingFiles func() (looked, missing int)
	// Metrics is what /metrics shows; nothing when nil.
	Metrics *metrics.Set
}

// DemoInfo is what demo mode shows: people with one-click log-in, the mail
// that would have gone out, and the hearing that is open now.
type DemoInfo struct {
	People   []DemoPerson
	SpoolDir string // where mail.Spool writes; "" when a real server sends
	Hearing  string // id of the hearing that is open, "" when none
}

// DemoPerson is one seeded person of the demo.
type DemoPerson struct {
	Name     string
	Role     string // an identity.Role
	Login    string
	Password string
	// What the person is in the demonstration, in Chinese and in English; the
	// role's name when empty.
	Part, PartEN string
}

// server holds what handlers need. Its fields but gzipped do not change after New.
type server struct {
	Config
	public  *url.URL
	pages   map[string]pageSet // by language
	assets  map[string]string  // path under static → version
	uploads *uploads
	streams *streams // nil without media
	gzipped sync.Map // name under static → its gzip
	probe   bool     // tests: answer 204 instead of calling the handler
}

// New makes the handler of everything that the court serves over HTTP. It
// fails when a dictionary, a template or a built asset is missing.
func New(c Config) (http.Handler, error) {
	s, err := newServer(c)
	if err != nil {
		return nil, err
	}
	return s.handler(), nil
}

func newServer(c Config) (*server, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Metrics == nil {
		c.Metrics = metrics.NewSet()
	}
	public, err := url.Parse(strings.TrimSuffix(c.PublicURL, "/"))
	if err != nil || public.Host == "" || (public.Scheme != "http" && public.Scheme != "https") {
		return nil, fmt.Errorf("web: public URL %q must be http(s)://host", c.PublicURL)
	}
	s := &server{Config: c, public: public}
	if err := built(static); err != nil {
		return nil, err
	}
	s.streams = newStreams(c.SFU, c.Hub)
	if c.Hub != nil {
		c.Hub.CheckTickets(s.ticketsHold)
	}
	if s.assets, err = versions(static); err != nil {
		return nil, err
	}
	if s.pages, err = s.loadPages(); err != nil {
		return nil, err
	}
	dir := filepath.Join(c.DataDir, uploadDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("web: upload directory: %w", err)
	}
	if s.uploads, err = newUploads(s, dir); err != nil {
		return nil, err
	}
	return s, nil
}

// errAssets says that the bundles are not in the binary.
var errAssets = errors.New("web: the browser bundles are missing from this build; run `make assets`, then build again (`make build` does both)")

// built checks that the bundles which the pages name were there when the
// binary was built.
func built(files fs.FS) error {
	for _, name := range []string{"upload", "draft", "precheck", "room", "player"} {
		if _, err := fs.Stat(files, "static/dist/"+name+".js"); err != nil {
			return fmt.Errorf("%w (static/dist/%s.js)", errAssets, name)
		}
	}
	return nil
}

// secure reports whether browsers reach the court by https.
func (s *server) secure() bool { return s.public.Scheme == "https" }
