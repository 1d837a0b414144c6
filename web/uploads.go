package web

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gabriel-vasile/mimetype"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/tus/tusd/v2/pkg/filestore"
	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"
	"golang.org/x/exp/slog"

	"yunting/docket"
	"yunting/internal/blob"
	"yunting/internal/identity"
)

// uploadDir is where unfinished uploads lie in the data directory.
const uploadDir = "uploads"

// maxUpload is the largest file of a resumable upload, in bytes.
const maxUpload = 8 << 30

// uploads receives files by tus 1.0 (tus.io). An upload belongs to the account
// that began it and to one case; it becomes an item of evidence by finish.
type uploads struct {
	s   *server
	dir string
	tus *handler.UnroutedHandler
}

// pendingUpload is an upload that is not yet part of the case.
type pendingUpload struct {
	ID                          string
	FileName                    string
	Size, Offset                int64
	CreatedAt                   time.Time
	Until                       time.Time // then it is collected unless somebody goes on with it; zero: it is kept
	Name, Source, Purpose, Date string    // as given when it began
}

// Percent is how much has arrived.
func (p pendingUpload) Percent() int64 {
	if p.Size == 0 {
		return 100
	}
	return p.Offset * 100 / p.Size
}

// Complete reports whether every byte has arrived.
func (p pendingUpload) Complete() bool { return p.Offset == p.Size }

func newUploads(s *server, dir string) (*uploads, error) {
	u := &uploads{s: s, dir: dir}
	composer := handler.NewStoreComposer()
	store := filestore.New(dir)
	store.DirModePerm, store.FileModePerm = 0o700, 0o600
	store.UseIn(composer)
	memorylocker.New().UseIn(composer)
	base := "/uploads/" // tusd puts this request's scheme and host before it, which a proxy that ends TLS would make wrong
	if !loopback(s.public.Host) {
		base = s.public.String() + base
	}
	var err error
	u.tus, err = handler.NewUnroutedHandler(handler.Config{
		StoreComposer: composer, BasePath: base, MaxSize: maxUpload, DisableDownload: true, DisableConcatenation: true,
		Cors: &handler.CorsConfig{Disable: true}, PreUploadCreateCallback: u.create,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), // what matters goes to the court's own log, without file names
	})
	if err != nil {
		return nil, fmt.Errorf("web: uploads: %w", err)
	}
	return u, nil
}

// refuse answers a tus request that is not allowed.
func refuse(status int, text string) error {
	return handler.NewError("ERR_YUNTING", text, status)
}

// create checks who begins an upload for which case, and remembers it. The
// metadata are: case, filename, filetype, name, source, purpose, date.
func (u *uploads) create(hook handler.HookEvent) (handler.HTTPResponse, handler.FileInfoChanges, error) {
	none, same := handler.HTTPResponse{}, handler.FileInfoChanges{}
	r := requestOf(hook.Context)
	if r == nil {
		return none, same, refuse(http.StatusInternalServerError, "no request")
	}
	caseID, err := uuid.Parse(hook.Upload.MetaData["case"])
	if err != nil || hook.Upload.SizeIsDeferred {
		return none, same, refuse(http.StatusBadRequest, "metadata case and a length are required")
	}
	if u.s.warning() != "" {
		return none, same, refuse(http.StatusInsufficientStorage, "the court's disk is nearly full; try again later or ask the clerk")
	}
	view, err := u.s.Docket.View(hook.Context, r.actor, caseID)
	if errors.Is(err, docket.ErrNotFound) {
		return none, same, refuse(http.StatusNotFound, "no such case")
	}
	if err != nil {
		return none, same, err
	}
	if !identity.Can(r.actor, identity.ActAddEvidence, view) {
		return none, same, refuse(http.StatusForbidden, "not allowed in this case")
	}
	id := uuid.NewString()
	_, err = u.s.Pool.Exec(hook.Context, `INSERT INTO web_uploads (id, account, case_id, file_name, size, created_at, touched_at) VALUES ($1, $2, $3, $4, $5, $6, $6)`,
		id, r.actor.Account, caseID, fileName(hook.Upload.MetaData["filename"]), hook.Upload.Size, u.s.Now())
	if err != nil {
		return none, same, fmt.Errorf("remember upload: %w", err)
	}
	same.ID = id
	return none, same, nil
}

// maxFileName bounds a file's name, in bytes.
const maxFileName = 200

// fileName is the last part of a name that a browser sent, without what a
// header or a path could trip over.
func fileName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == '"' {
			return -1
		}
		return c
	}, name)
	if name = strings.TrimSpace(name); name == "" || name == "." || name == ".." {
		return "file"
	}
	if over := len(name) - maxFileName; over > 0 {
		name = name[over:] // the end holds the suffix
	}
	return strings.ToValidUTF8(name, "")
}

// tus serves the protocol. An upload of somebody else does not exist.
func (s *server) tus(r *request) error {
	id := r.PathValue("id")
	if id != "" {
		if err := s.uploads.touch(r.Context(), id, r.actor.Account); err != nil {
			return err
		}
	}
	u := s.uploads.tus
	act := map[string]http.HandlerFunc{"POST": u.PostFile, "HEAD": u.HeadFile, "PATCH": u.PatchFile, "DELETE": u.DelFile}[r.Method]
	if act == nil {
		act = func(http.ResponseWriter, *http.Request) {}
	}
	inner := r.Clone(r.Context())
	inner.URL.Path = "/" + id
	r.written = true
	u.Middleware(act).ServeHTTP(r.w, inner)
	if r.Method == http.MethodDelete {
		if _, err := os.Stat(s.uploads.path(id)); errors.Is(err, os.ErrNotExist) {
			if _, err := s.Pool.Exec(r.Context(), `DELETE FROM web_uploads WHERE id = $1 AND evidence IS NULL`, id); err != nil {
				s.Logger.ErrorContext(r.Context(), "forget upload", "error", err)
			}
		}
	}
	return nil
}

// errCollected: nobody went on with the upload for so long that its bytes were
// removed.
var errCollected = errors.New("web: the upload was collected")

// touch notes that the account goes on with an upload, which keeps it from being
// collected.
func (u *uploads) touch(ctx context.Context, id string, account uuid.UUID) error {
	var collected bool
	err := u.s.Pool.QueryRow(ctx, `UPDATE web_uploads SET touched_at = $3 WHERE id = $1 AND account = $2 RETURNING collected_at IS NOT NULL`,
		id, account, u.s.Now()).Scan(&collected)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return errNotFound
	case err != nil:
		return fmt.Errorf("find upload: %w", err)
	case collected:
		return errCollected
	}
	return nil
}

// path is where the bytes of an upload lie until finish.
func (u *uploads) path(id string) string { return filepath.Join(u.dir, filepath.Base(id)) }

// pending lists what the account has begun for the case and not finished.
func (u *uploads) pending(ctx context.Context, account, caseID uuid.UUID) ([]pendingUpload, error) {
	days := u.s.Docket.Court().UploadDays
	rows, err := u.s.Pool.Query(ctx, `SELECT id, file_name, size, created_at, touched_at FROM web_uploads
		WHERE account = $1 AND case_id = $2 AND evidence IS NULL AND collected_at IS NULL AND NOT starts_with(id, $3) ORDER BY created_at LIMIT 100`, account, caseID, formUpload)
	if err != nil {
		return nil, fmt.Errorf("list uploads: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (pendingUpload, error) {
		var p pendingUpload
		var touched time.Time
		err := row.Scan(&p.ID, &p.FileName, &p.Size, &p.CreatedAt, &touched)
		if days > 0 {
			p.Until = touched.AddDate(0, 0, days)
		}
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("list uploads: %w", err)
	}
	for i := range list {
		p := &list[i]
		info, err := u.info(ctx, p.ID)
		if errors.Is(err, handler.ErrNotFound) {
			p.Offset = p.Size // the bytes went to the store; finish completes it
			continue
		}
		if err != nil {
			return nil, err
		}
		m := info.MetaData
		p.Offset, p.Name, p.Source, p.Purpose, p.Date = info.Offset, m["name"], m["source"], m["purpose"], m["date"]
	}
	return list, nil
}

func (u *uploads) info(ctx context.Context, id string) (handler.FileInfo, error) {
	upload, err := filestore.New(u.dir).GetUpload(ctx, id)
	if err != nil {
		return handler.FileInfo{}, fmt.Errorf("upload %s: %w", id, err)
	}
	return upload.GetInfo(ctx)
}

// errIncomplete: the upload has not received every byte.
var errIncomplete = errors.New("web: the upload is not complete")

// finish makes the completed upload an item of evidence, once however often it
// is asked. The order keeps every crash harmless: the hash is remembered, the
// store takes the file, the docket takes the item.
func (u *uploads) finish(ctx context.Context, actor identity.Actor, caseID uuid.UUID, id string, in docket.EvidenceInput) (docket.Evidence, error) {
	if err := u.touch(ctx, id, actor.Account); err != nil {
		return docket.Evidence{}, err
	}
	var name string
	var size int64
	var sum *blob.Hash
	var media *string
	err := u.s.Pool.QueryRow(ctx, `SELECT file_name, size, sha256, media_type FROM web_uploads WHERE id = $1 AND account = $2 AND case_id = $3`,
		id, actor.Account, caseID).Scan(&name, &size, &sum, &media)
	if errors.Is(err, pgx.ErrNoRows) {
		return docket.Evidence{}, errNotFound
	}
	if err != nil {
		return docket.Evidence{}, fmt.Errorf("find upload: %w", err)
	}
	in.UploadID, in.FileName = id, name
	if sum == nil {
		info, err := u.info(ctx, id)
		if err != nil {
			return docket.Evidence{}, err
		}
		if info.Offset != size {
			return docket.Evidence{}, errIncomplete
		}
		file, kind, err := describeFile(u.path(id))
		if err != nil {
			return docket.Evidence{}, err
		}
		if _, err := u.s.Pool.Exec(ctx, `UPDATE web_uploads SET sha256 = $2, media_type = $3 WHERE id = $1`, id, file.Hash, kind); err != nil {
			return docket.Evidence{}, fmt.Errorf("remember hash: %w", err)
		}
		sum, media = &file.Hash, &kind
	}
	ref, err := u.s.Blobs.Stat(ctx, *sum)
	if errors.Is(err, blob.ErrNotFound) {
		ref, err = u.s.Blobs.PutFile(ctx, u.path(id), *sum)
	}
	if err != nil {
		return docket.Evidence{}, fmt.Errorf("store upload: %w", err)
	}
	in.Blob, in.MediaType = ref, *media
	item, err := u.s.Docket.AddEvidence(ctx, actor, caseID, in)
	if err != nil {
		return docket.Evidence{}, err
	}
	if _, err := u.s.Pool.Exec(ctx, `UPDATE web_uploads SET evidence = $2 WHERE id = $1`, id, item.ID); err != nil {
		return docket.Evidence{}, fmt.Errorf("close upload: %w", err)
	}
	return item, u.forget(id)
}

// forget removes what tus keeps of a finished upload.
func (u *uploads) forget(id string) error {
	for _, path := range []string{u.path(id), u.path(id) + ".info"} {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove upload: %w", err)
		}
	}
	return nil
}

// formUpload begins the ids of files that came whole by a plain form. Nobody can
// go on with one, so no page lists it.
const formUpload = "form-"

// take stores the file of a plain form and makes it an item of evidence. Its row
// is there before the file is in the store: what a stop in between leaves is
// collected after the period, like an upload that nobody went on with.
func (u *uploads) take(ctx context.Context, actor identity.Actor, caseID uuid.UUID, file io.ReadSeeker, in docket.EvidenceInput) (docket.Evidence, error) {
	ref, kind, err := describe(file)
	if err != nil {
		return docket.Evidence{}, err
	}
	id := formUpload + uuid.NewString()
	_, err = u.s.Pool.Exec(ctx, `INSERT INTO web_uploads (id, account, case_id, file_name, size, sha256, media_type, created_at, touched_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)`, id, actor.Account, caseID, in.FileName, ref.Size, ref.Hash, kind, u.s.Now())
	if err != nil {
		return docket.Evidence{}, fmt.Errorf("remember upload: %w", err)
	}
	in.MediaType = kind
	if in.Blob, err = u.s.Blobs.Put(ctx, file); err != nil {
		return docket.Evidence{}, fmt.Errorf("store upload: %w", err)
	}
	item, err := u.s.Docket.AddEvidence(ctx, actor, caseID, in)
	if err != nil {
		return docket.Evidence{}, err
	}
	if _, err := u.s.Pool.Exec(ctx, `UPDATE web_uploads SET evidence = $2 WHERE id = $1`, id, item.ID); err != nil {
		return docket.Evidence{}, fmt.Errorf("close upload: %w", err)
	}
	return item, nil
}

func describeFile(path string) (blob.Ref, string, error) {
	f, err := os.Open(path)
	if err != nil {
		return blob.Ref{}, "", fmt.Errorf("open upload: %w", err)
	}
	defer f.Close() // only read from
	return describe(f)
}

// describe hashes a file, counts its bytes and tells its media type from the
// first of them; what the sender calls it does not count. It leaves the file at
// its beginning.
func describe(f io.ReadSeeker) (blob.Ref, string, error) {
	sum := sha256.New()
	size, err := io.Copy(sum, f)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return blob.Ref{}, "", fmt.Errorf("hash upload: %w", err)
	}
	kind, err := mimetype.DetectReader(f)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return blob.Ref{}, "", fmt.Errorf("type of upload: %w", err)
	}
	return blob.Ref{Hash: blob.Hash(sum.Sum(nil)), Size: size}, kind.String(), nil
}
