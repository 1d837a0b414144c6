package media

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// pionLog hands pion's warnings and errors to slog at debug level: they tell
// of peers' networks, not of faults of the server, and hold addresses.
type pionLog struct{ log *slog.Logger }

// NewLogger makes a logger for one of pion's scopes.
func (p pionLog) NewLogger(scope string) logging.LeveledLogger {
	return pionScope{p.log.With("scope", "pion."+scope)}
}

type pionScope struct{ log *slog.Logger }

func (p pionScope) write(format string, args []any) {
	if p.log.Enabled(context.Background(), slog.LevelDebug) {
		p.log.Debug(fmt.Sprintf(format, args...))
	}
}

func (p pionScope) Trace(string)          {}
func (p pionScope) Tracef(string, ...any) {}
func (p pionScope) Debug(string)          {}
func (p pionScope) Debugf(string, ...any) {}
func (p pionScope) Info(string)           {}
func (p pionScope) Infof(string, ...any)  {}
func (p pionScope) Warn(m string)         { p.log.Debug(m) }
func (p pionScope) Warnf(f string, a ...any) {
	p.write(f, a)
}
func (p pionScope) Error(m string) { p.log.Debug(m) }
func (p pionScope) Errorf(f string, a ...any) {
	p.write(f, a)
}

// PionLog lets pion's packages log to l.
func PionLog(l *slog.Logger) logging.LoggerFactory { return pionLog{l} }
