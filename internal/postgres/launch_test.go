package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

// helperEnv makes this test binary a server that runs the cluster in the named
// directory until it is killed.
const helperEnv = "YUNTING_LAUNCH_HELPER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperEnv); dir != "" {
		if _, err := Launch(context.Background(), dir, slog.New(slog.NewTextHandler(os.Stderr, nil))); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println("ready")
		select {}
	}
	code := m.Run()
	if madeCluster != "" {
		if err := os.RemoveAll(madeCluster); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// madeCluster is a directory with a whole cluster in it, made once by Launch
// and copied by each test: initdb takes seconds.
var (
	madeCluster string
	makeCluster = sync.OnceValue(func() error {
		dir, err := os.MkdirTemp("", "yunting-launch-")
		if err != nil {
			return err
		}
		madeCluster = dir
		if err := os.Chmod(dir, 0o755); err != nil {
			return err
		}
		server, err := Launch(context.Background(), filepath.Join(dir, "postgres"), discard())
		if err != nil {
			return err
		}
		return server.Stop()
	})
)

// cluster gives t the directory of an initialised cluster that does not run.
func cluster(t *testing.T) string {
	t.Helper()
	if err := makeCluster(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(openTempDir(t), "postgres")
	if out, err := exec.Command("cp", "-a", filepath.Join(madeCluster, "postgres"), dir).CombinedOutput(); err != nil {
		t.Fatalf("copy the cluster: %v: %s", err, out)
	}
	return dir
}

// openTempDir is t.TempDir that other accounts may enter.
func openTempDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func launchT(t *testing.T, dir string) *Server {
	t.Helper()
	server, err := Launch(t.Context(), dir, discard())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func query(t *testing.T, dsn, sql string) (string, error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	var answer string
	err = conn.QueryRow(t.Context(), sql).Scan(&answer)
	return answer, err
}

func mustQuery(t *testing.T, dsn, sql string) string {
	t.Helper()
	answer, err := query(t, dsn, sql)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func write(t *testing.T, dsn, text string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `CREATE TABLE IF NOT EXISTS kept (t text); INSERT INTO kept VALUES ('`+text+`')`); err != nil {
		t.Fatal(err)
	}
}

const readKept = `SELECT string_agg(t, ',' ORDER BY t) FROM kept`

// eventually polls until done.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	ok, err := waitFor(t.Context(), 60*time.Second, done)
	if err != nil || !ok {
		t.Fatalf("%s: not within a minute: %v", what, err)
	}
}

func postmasterPID(t *testing.T, dir string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, ours := parsePIDFile(text, filepath.Join(dir, "data"))
	if pid == 0 || !ours {
		t.Fatalf("postmaster.pid: %q", text)
	}
	return pid
}

func TestLaunch(t *testing.T) {
	dir := cluster(t)
	server := launchT(t, dir)
	dsn := server.DSN(MainDatabase)
	for setting, want := range map[string]string{
		"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "listen_addresses": "",
		"server_encoding": "UTF8", "unix_socket_permissions": "0700", "TimeZone": "UTC",
	} {
		if got := mustQuery(t, dsn, `SHOW `+setting); got != want {
			t.Errorf("%s = %q, want %q", setting, got, want)
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, "data")} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: mode %v, %v", path, info.Mode(), err)
		}
	}
	if _, err := Launch(t.Context(), dir, discard()); !errors.Is(err, ErrInUse) {
		t.Errorf("a second server on the same directory: %v", err)
	}
	if computed, err := DSN(dir, MainDatabase); err != nil || computed != dsn {
		t.Errorf("DSN %q, %v; want %q", computed, err, dsn)
	}
	write(t, dsn, "a")
	pid := postmasterPID(t, dir)
	for range 2 {
		if err := server.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	if alive(pid) {
		t.Error("the postmaster lives on after Stop")
	}
	again := launchT(t, dir)
	if got := mustQuery(t, again.DSN(MainDatabase), readKept); got != "a" {
		t.Errorf("after a restart the table holds %q", got)
	}
}

func TestPostmasterThatDiesIsStartedAgain(t *testing.T) {
	dir := cluster(t)
	server := launchT(t, dir)
	write(t, server.DSN(MainDatabase), "a")
	if err := syscall.Kill(postmasterPID(t, dir), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an answer after the postmaster was killed", func() bool {
		got, err := query(t, server.DSN(MainDatabase), readKept)
		return err == nil && got == "a"
	})
}

func TestBrokenConfigurationIsGivenUp(t *testing.T) {
	dir := cluster(t)
	conf := filepath.Join(dir, "data", "postgresql.conf")
	if err := os.WriteFile(conf, []byte("no_such_setting = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Launch(t.Context(), dir, discard())
	if err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		t.Fatalf("error %v, want PostgreSQL's own words", err)
	}
}

func TestLaunchGivenUpLeavesNothing(t *testing.T) {
	dir := cluster(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Launch(ctx, dir, discard()); !errors.Is(err, context.Canceled) {
		t.Fatalf("Launch after cancel: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "postmaster.pid")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("postmaster.pid: %v", err)
	}
	launchT(t, dir)
}

func TestLongPath(t *testing.T) {
	dir := cluster(t)
	long := filepath.Join(filepath.Dir(dir), strings.Repeat("很长的路径", 12)+", with a comma")
	if err := os.Mkdir(long, 0o755); err != nil {
		t.Fatal(err)
	}
	dir2 := filepath.Join(long, "postgres")
	if err := os.Rename(dir, dir2); err != nil {
		t.Fatal(err)
	}
	server := launchT(t, dir2)
	if got := mustQuery(t, server.DSN(MainDatabase), `SELECT 'reached'`); got != "reached" {
		t.Errorf("answer %q", got)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(socketDir(dir2)); err != nil {
			t.Error(err)
		}
	})
	if socketDir(dir2) == socketDir(dir2+"x") || len(socketDir(dir2)) > 60 {
		t.Errorf("socket directory %q", socketDir(dir2))
	}
}

func TestLaunchRefuses(t *testing.T) {
	notEmpty := openTempDir(t)
	if err := os.MkdirAll(filepath.Join(notEmpty, "postgres", "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Launch(t.Context(), filepath.Join(notEmpty, "postgres"), discard()); err == nil || !strings.Contains(err.Error(), "PG_VERSION") {
		t.Errorf("a directory that is no cluster: %v", err)
	}
	dir := cluster(t)
	if err := os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Launch(t.Context(), dir, discard()); err == nil || !strings.Contains(err.Error(), "PostgreSQL 9") {
		t.Errorf("another version's cluster: %v", err)
	}
}

// TestClosedParent: a directory like /root, which only its owner may enter, is no obstacle.
func TestClosedParent(t *testing.T) {
	closed := t.TempDir()
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(closed, "data", "postgres")
	first, err := Launch(t.Context(), dir, discard())
	if err != nil {
		t.Fatal(err)
	}
	write(t, first.DSN(MainDatabase), "closed")
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	if got := mustQuery(t, launchT(t, dir).DSN(MainDatabase), readKept); got != "closed" {
		t.Errorf("the table holds %q", got)
	}
}

func TestInitFromNothingAfterHalfAnInit(t *testing.T) {
	dir := filepath.Join(openTempDir(t), "new", "postgres")
	if err := os.MkdirAll(filepath.Join(dir, "data.init", "base"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data.init", "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server, err := LaunchVolatile(t.Context(), dir, discard())
	if err != nil {
		t.Fatal(err)
	}
	if got := mustQuery(t, server.DSN(MainDatabase), `SHOW fsync`); got != "off" {
		t.Errorf("fsync %s in a volatile cluster", got)
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
}

// helper starts this binary as a server on dir, as the given uid (-1: our own).
func helper(t *testing.T, dir string, uid int) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The build's own directory is closed to other accounts.
	program := filepath.Join(openTempDir(t), "server")
	if out, err := exec.Command("cp", exe, program).CombinedOutput(); err != nil {
		t.Fatalf("copy the program: %v: %s", err, out)
	}
	if err := os.Chmod(program, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), helperEnv+"="+dir)
	cmd.Dir = "/"
	cmd.Stderr = os.Stderr
	if uid >= 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			kill(t, cmd)
		}
	})
	line := make([]byte, len("ready\n"))
	if _, err := io.ReadFull(stdout, line); err != nil || string(line) != "ready\n" {
		t.Fatalf("the server does not start: %q, %v", line, err)
	}
	return cmd
}

// kill is kill -9 and waits for the end of that one process.
func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("killed, and yet it ended well")
	}
}

// TestKilled kills the server alone, and the server and its postmaster, while
// it holds committed rows, and starts again at once; as ourselves, and as
// another account where we may become one.
func TestKilled(t *testing.T) {
	uids := []int{-1}
	if os.Geteuid() == 0 {
		uids = append(uids, 65534)
	}
	for _, uid := range uids {
		t.Run("uid "+strconv.Itoa(uid), func(t *testing.T) {
			dir := cluster(t)
			if uid >= 0 {
				if out, err := exec.Command("chown", "-R", strconv.Itoa(uid), dir).CombinedOutput(); err != nil {
					t.Fatalf("chown: %v: %s", err, out)
				}
			}
			dsn, err := DSN(dir, MainDatabase)
			if err != nil {
				t.Fatal(err)
			}
			server := helper(t, dir, uid)
			want := ""
			for i, both := range []bool{false, true, false, true} {
				write(t, dsn, strconv.Itoa(i))
				want = strings.TrimPrefix(want+","+strconv.Itoa(i), ",")
				pid := postmasterPID(t, dir)
				kill(t, server)
				if both {
					if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
						t.Fatal(err)
					}
				}
				server = helper(t, dir, uid)
				if got := mustQuery(t, dsn, readKept); got != want {
					t.Fatalf("after kill %d the table holds %q, want %q", i, got, want)
				}
			}
			pid := postmasterPID(t, dir)
			kill(t, server)
			eventually(t, "the postmaster's end after its server's", func() bool { return !alive(pid) })
		})
	}
}

// TestLeftover starts the cluster without the parent-death signal, as on a
// system that has none, and lets Launch find it running.
func TestLeftover(t *testing.T) {
	dir := cluster(t)
	l, err := layoutOf(dir)
	if err != nil {
		t.Fatal(err)
	}
	o, err := ownerOf(l)
	if err != nil {
		t.Fatal(err)
	}
	in, err := findInstallation(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(in.postgres, "-D", l.called(l.data, o), "-c", "listen_addresses=", "-c", "unix_socket_directories="+l.called(l.socket, o))
	cmd.Env = childEnv()
	handed, err := l.give(cmd, o)
	if err != nil {
		t.Fatal(err)
	}
	defer handed.Close()
	cmd.SysProcAttr.Pdeathsig = 0
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	eventually(t, "the leftover's answer", func() bool { _, err := query(t, l.dsn(MainDatabase), `SELECT ''`); return err == nil })
	write(t, l.dsn(MainDatabase), "leftover")
	server := launchT(t, dir)
	if err := <-ended; err != nil {
		t.Errorf("the leftover ended with %v, want a clean end", err)
	}
	if got := mustQuery(t, server.DSN(MainDatabase), readKept); got != "leftover" {
		t.Errorf("the table holds %q", got)
	}
}

// TestStalePIDFile: the process id of a crashed postmaster may by now belong
// to nobody, or to any other program, also one of the same account, which
// PostgreSQL alone would take for a running postmaster.
func TestStalePIDFile(t *testing.T) {
	for name, alienLives := range map[string]bool{"nobody": false, "another program": true} {
		t.Run(name, func(t *testing.T) {
			dir := cluster(t)
			l, err := layoutOf(dir)
			if err != nil {
				t.Fatal(err)
			}
			o, err := ownerOf(l)
			if err != nil {
				t.Fatal(err)
			}
			alien := exec.Command("sleep", "600")
			alien.SysProcAttr = childAttr(o)
			alien.SysProcAttr.Pdeathsig = syscall.SIGKILL
			if err := alien.Start(); err != nil {
				t.Fatal(err)
			}
			if !alienLives {
				kill(t, alien)
			}
			path := filepath.Join(l.data, "postmaster.pid")
			text := fmt.Sprintf("%d\n%s\n1700000000\n5432\n%s\n\n  1234567 8901234\nready   \n", alien.Process.Pid, l.data, l.socket)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if o.drop {
				if err := os.Chown(path, int(o.uid), int(o.gid)); err != nil {
					t.Fatal(err)
				}
			}
			launchT(t, dir)
			if alienLives {
				if !alive(alien.Process.Pid) {
					t.Error("the other program was ended")
				}
				kill(t, alien)
			}
		})
	}
}

func FuzzParsePIDFile(f *testing.F) {
	f.Add([]byte("123\n/data\n1700000000\n"), "/data")
	f.Add([]byte("-1\n"), "")
	f.Add([]byte(""), "")
	f.Fuzz(func(t *testing.T, text []byte, data string) {
		// 0 and negative ids would signal whole process groups, 1 is init.
		if pid, _ := parsePIDFile(text, data); pid < 0 || pid == 1 {
			t.Fatalf("%q gives process %d", text, pid)
		}
	})
}
