package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const (
	// openTimeout bounds the look at the bucket when a store is opened.
	openTimeout = 30 * time.Second
	// contentType of every blob; what it is, its case knows.
	contentType = "application/octet-stream"
)

// s3Config is what an s3:// address says.
type s3Config struct {
	endpoint    string // host[:port]
	key, secret string
	bucket      string
	prefix      string // before every object's name; "" or ending with "/"
	region      string
	insecure    bool
	create      bool
}

// parseS3 reads an s3:// address. Its errors do not repeat the secret.
func parseS3(address string) (s3Config, error) {
	u, err := url.Parse(address)
	if err != nil {
		return s3Config{}, errors.New("blob: the s3 address cannot be read; want s3://KEY:SECRET@host/bucket with KEY and SECRET percent-encoded")
	}
	c := s3Config{endpoint: u.Host, key: u.User.Username()}
	c.secret, _ = u.User.Password()
	bucket, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	c.bucket = bucket
	if prefix != "" {
		c.prefix = path.Clean(prefix) + "/"
	}
	for name, values := range u.Query() {
		value := values[len(values)-1]
		switch name {
		case "region":
			c.region = value
		case "insecure":
			c.insecure, err = strconv.ParseBool(value)
		case "create":
			c.create, err = strconv.ParseBool(value)
		default:
			return s3Config{}, fmt.Errorf("blob: s3 address: unknown option %q; there are region, insecure and create", name)
		}
		if err != nil {
			return s3Config{}, fmt.Errorf("blob: s3 address: option %s=%q: want true or false", name, value)
		}
	}
	for _, part := range []struct{ what, value string }{
		{"host", u.Hostname()}, {"key", c.key}, {"secret", c.secret}, {"bucket", c.bucket},
	} {
		if part.value == "" {
			return s3Config{}, fmt.Errorf("blob: the s3 address has no %s; want s3://KEY:SECRET@host/bucket", part.what)
		}
	}
	return c, nil
}

// S3 is a Store in a bucket of an S3 server, which must itself be durable and
// consistent. A blob is the object [prefix/]ab/abcdef….
type S3 struct {
	client *minio.Client
	bucket string
	prefix string
}

var _ Store = (*S3)(nil)

func openS3(c s3Config) (*S3, error) {
	client, err := minio.New(c.endpoint, &minio.Options{
		Creds:  credentials.NewStaticV4(c.key, c.secret, ""),
		Secure: !c.insecure,
		Region: c.region,
	})
	if err != nil {
		return nil, fmt.Errorf("blob: s3: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
	defer cancel()
	exists, err := client.BucketExists(ctx, c.bucket)
	if err != nil {
		return nil, fmt.Errorf("blob: look at bucket %s: %w", c.bucket, err)
	}
	if !exists && !c.create {
		return nil, fmt.Errorf("blob: there is no bucket %s; make it, or add create=true to the address", c.bucket)
	}
	if !exists {
		if err := client.MakeBucket(ctx, c.bucket, minio.MakeBucketOptions{Region: c.region}); err != nil {
			return nil, fmt.Errorf("blob: make bucket %s: %w", c.bucket, err)
		}
	}
	return &S3{client: client, bucket: c.bucket, prefix: c.prefix}, nil
}

func (s *S3) name(h Hash) string {
	text := h.String()
	return s.prefix + text[:2] + "/" + text
}

// Put implements Store. The bytes wait in a temporary file until their hash,
// and so the object's name, is known.
func (s *S3) Put(ctx context.Context, r io.Reader) (Ref, error) {
	path, ref, err := spool(ctx, os.TempDir(), r)
	if err != nil {
		return Ref{}, err
	}
	err = s.upload(ctx, path, ref)
	return ref, errors.Join(err, removeIfThere(path))
}

// PutFile implements Store.
func (s *S3) PutFile(ctx context.Context, path string, h Hash) (Ref, error) {
	ref, err := s.PutCopy(ctx, path, h)
	if err != nil {
		return Ref{}, err
	}
	return ref, removeIfThere(path)
}

// PutCopy implements Store. The file is hashed again before it leaves the
// machine: here that costs little beside the transfer.
func (s *S3) PutCopy(ctx context.Context, path string, h Hash) (Ref, error) {
	f, err := os.Open(path)
	if err != nil {
		return Ref{}, fmt.Errorf("blob: %w", err)
	}
	ref, err := hashOf(contextReader{ctx, f})
	if err := errors.Join(err, f.Close()); err != nil {
		return Ref{}, fmt.Errorf("blob: read %s: %w", path, err)
	}
	if ref.Hash != h {
		return Ref{}, fmt.Errorf("blob: store %s: %w", h, ErrMismatch)
	}
	return ref, s.upload(ctx, path, ref)
}

// Delete implements Store. A bucket that keeps versions keeps the bytes: its
// owner's rules for old versions decide when they go.
func (s *S3) Delete(ctx context.Context, hashes ...Hash) error {
	if len(hashes) == 0 {
		return nil
	}
	objects := make(chan minio.ObjectInfo, len(hashes))
	for _, h := range hashes {
		objects <- minio.ObjectInfo{Key: s.name(h)}
	}
	close(objects)
	var failed error
	for e := range s.client.RemoveObjects(ctx, s.bucket, objects, minio.RemoveObjectsOptions{}) {
		if minio.ToErrorResponse(e.Err).Code != minio.NoSuchKey {
			failed = fmt.Errorf("blob: delete %s: %w", path.Base(e.ObjectName), e.Err)
		}
	}
	return failed
}

// upload sends the file unless the bucket holds it, and looks that it arrived whole.
func (s *S3) upload(ctx context.Context, path string, ref Ref) error {
	if stored, err := s.Stat(ctx, ref.Hash); err == nil && stored == ref {
		return nil
	} else if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	options := minio.PutObjectOptions{ContentType: contentType, SendContentMd5: true}
	if _, err := s.client.FPutObject(ctx, s.bucket, s.name(ref.Hash), path, options); err != nil {
		return fmt.Errorf("blob: upload %s: %w", ref.Hash, err)
	}
	stored, err := s.Stat(ctx, ref.Hash)
	if err != nil {
		return err
	}
	if stored != ref {
		return fmt.Errorf("blob: uploaded %s is %d bytes long instead of %d: %w", ref.Hash, stored.Size, ref.Size, ErrMismatch)
	}
	return nil
}

// Open implements Store. Reading fails once ctx ends.
func (s *S3) Open(ctx context.Context, h Hash) (io.ReadSeekCloser, error) {
	if _, err := s.Stat(ctx, h); err != nil {
		return nil, err
	}
	object, err := s.client.GetObject(ctx, s.bucket, s.name(h), minio.GetObjectOptions{})
	if err != nil {
		return nil, fmt.Errorf("blob: open %s: %w", h, err)
	}
	return object, nil
}

// Stat implements Store.
func (s *S3) Stat(ctx context.Context, h Hash) (Ref, error) {
	info, err := s.client.StatObject(ctx, s.bucket, s.name(h), minio.StatObjectOptions{})
	if err != nil {
		if code := minio.ToErrorResponse(err).Code; code == minio.NoSuchKey {
			return Ref{}, fmt.Errorf("%w: %s", ErrNotFound, h)
		}
		return Ref{}, fmt.Errorf("blob: look at %s: %w", h, err)
	}
	return Ref{Hash: h, Size: info.Size}, nil
}
