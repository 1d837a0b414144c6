package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const (
	// superuser is the cluster's only role. Nobody else can reach the socket.
	superuser = "yunting"
	// port is part of the socket's file name and opens nothing.
	port = "5432"
	// maxSocketPath is what fits into sun_path everywhere (104 on BSD, 108 on
	// Linux, with the closing zero byte).
	maxSocketPath = 103
)

// layout says where the parts of a private cluster lie.
type layout struct {
	dir    string // absolute, links resolved
	data   string // PGDATA
	init   string // PGDATA while initdb fills it; renamed to data when whole
	socket string // directory of the unix socket
	log    string // what the postmaster prints
	lock   string // held by the process that runs the cluster
}

func layoutOf(dir string) (layout, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return layout{}, fmt.Errorf("postgres: directory %s: %w", dir, err)
	}
	if resolved, err := filepath.EvalSymlinks(abs); err == nil {
		abs = resolved
	} else if parent, err := filepath.EvalSymlinks(filepath.Dir(abs)); err == nil {
		abs = filepath.Join(parent, filepath.Base(abs))
	}
	return layout{
		dir:    abs,
		data:   filepath.Join(abs, "data"),
		init:   filepath.Join(abs, "data.init"),
		socket: socketDir(abs),
		log:    filepath.Join(abs, "postgres.log"),
		lock:   filepath.Join(abs, "lock"),
	}, nil
}

// socketDir is dir itself where the socket's path fits. Otherwise it is a
// short directory keyed by dir; clients split a host at commas, so those do
// not fit either.
func socketDir(dir string) string {
	fits := func(d string) bool {
		return len(filepath.Join(d, ".s.PGSQL."+port)) <= maxSocketPath && !strings.Contains(d, ",")
	}
	if fits(dir) {
		return dir
	}
	sum := sha256.Sum256([]byte(dir))
	name := "yunting-" + hex.EncodeToString(sum[:8])
	if short := filepath.Join(os.TempDir(), name); fits(short) {
		return short
	}
	return filepath.Join("/tmp", name)
}

// DSN is the address of a database in the private cluster that Launch runs
// under dir, whether or not it runs now.
func DSN(dir, database string) (string, error) {
	l, err := layoutOf(dir)
	if err != nil {
		return "", err
	}
	return l.dsn(database), nil
}

func (l layout) dsn(database string) string {
	address := url.URL{
		Scheme:   "postgres",
		User:     url.User(superuser),
		Path:     "/" + database,
		RawQuery: url.Values{"host": {l.socket}, "port": {port}, "sslmode": {"disable"}}.Encode(),
	}
	return address.String()
}

// owner is the account that the cluster's processes run as. PostgreSQL refuses
// to run as root.
type owner struct {
	name     string
	uid, gid uint32
	drop     bool // whether we are root and must become somebody else
}

// ownerOf picks the owner: ourselves, or when we are root whoever owns an
// existing cluster, else the system account "postgres", else "nobody".
func ownerOf(l layout) (owner, error) {
	if uid := os.Geteuid(); uid != 0 {
		return owner{uid: uint32(uid), gid: uint32(os.Getegid())}, nil
	}
	if info, err := os.Stat(l.data); err == nil {
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 {
			name := strconv.FormatUint(uint64(st.Uid), 10)
			if u, err := user.LookupId(name); err == nil {
				name = u.Username
			}
			return owner{name: name, uid: st.Uid, gid: st.Gid, drop: true}, nil
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if uidErr == nil && gidErr == nil && uid != 0 {
			return owner{name: name, uid: uint32(uid), gid: uint32(gid), drop: true}, nil
		}
	}
	return owner{}, errors.New("postgres: PostgreSQL refuses to run as root, and there is no account \"postgres\" or \"nobody\" to run it as; start the server as an ordinary user")
}

// prepare makes the cluster's directory and the socket's, both private to o.
func (l layout) prepare(o owner) error {
	if err := os.MkdirAll(filepath.Dir(l.dir), 0o755); err != nil {
		return fmt.Errorf("postgres: make the data directory: %w", err)
	}
	for _, dir := range []string{l.dir, l.socket} {
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("postgres: make %s: %w", dir, err)
		}
		if err := claim(dir, o); err != nil {
			return err
		}
	}
	return nil
}

// claim gives dir to o alone. Somebody else's directory, such as one put under
// a guessed name in /tmp, is refused.
func claim(dir string, o owner) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() {
		return fmt.Errorf("postgres: %s is not a directory", dir)
	}
	if st.Uid != o.uid && !(o.drop && st.Uid == 0) {
		return fmt.Errorf("postgres: %s belongs to uid %d, not to uid %d that runs the database; start the server as the user that made it", dir, st.Uid, o.uid)
	}
	if st.Uid != o.uid {
		if err := os.Lchown(dir, int(o.uid), int(o.gid)); err != nil {
			return fmt.Errorf("postgres: give %s to %s: %w", dir, o.name, err)
		}
	}
	if info.Mode().Perm() != 0o700 {
		if err := os.Chmod(dir, 0o700); err != nil {
			return fmt.Errorf("postgres: make %s private: %w", dir, err)
		}
	}
	return nil
}

// held is how a program calls the directory that it got as its first open file
// after the standard three, without walking down to it.
const held = "/proc/self/fd/3"

// called is the name by which o's processes call a path under dir: root may keep
// a cluster where the account that runs it cannot walk to, like under /root.
func (l layout) called(path string, o owner) string {
	if below, ok := strings.CutPrefix(path, l.dir); ok && o.drop {
		return held + below
	}
	return path
}

// give lets cmd run as o, and hands it dir under the name that o calls it. The
// returned file, which may be nil, is to be closed once cmd runs.
func (l layout) give(cmd *exec.Cmd, o owner) (*os.File, error) {
	cmd.SysProcAttr = childAttr(o)
	if !o.drop {
		cmd.Dir = l.dir
		return nil, nil
	}
	cmd.Dir = "/" // PostgreSQL 15 and older leave their directory for a moment, and come back to it by its path
	f, err := os.Open(l.dir)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	cmd.ExtraFiles = []*os.File{f}
	return f, nil
}
