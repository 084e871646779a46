package settings

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

// Log says how to log: JSON lines, in the shape of KES's.
type Log struct {
	level, messageKey, pidKey, hostnameKey string
	humanLevels                            bool
}

// levels are KES's level names, which are pino's, with slog's and pino's own numbers. The most that is logged is one step short of
// client-go's V(8), at which it logs the bodies of requests, and so the values of Secrets.
var levels = map[string]struct {
	slog slog.Level
	pino int
}{
	"trace":  {slog.LevelDebug - 3, 10},
	"debug":  {slog.LevelDebug, 20},
	"info":   {slog.LevelInfo, 30},
	"warn":   {slog.LevelWarn, 40},
	"error":  {slog.LevelError, 50},
	"fatal":  {slog.LevelError + 4, 60},
	"silent": {slog.LevelError + 100, 0},
}

// Bind adds the log settings to a section.
func (l *Log) Bind(s *Section) {
	s.String(&l.level, "log-level", "info", "trace, debug, info, warn, error, fatal or silent", "LOG_LEVEL")
	s.String(&l.messageKey, "log-message-key", "msg", "key of the message in a log line", "LOG_MESSAGE_KEY")
	s.Switch(&l.humanLevels, "use-human-readable-log-levels",
		"log levels as words instead of pino's numbers; any value of the variable turns it on", "USE_HUMAN_READABLE_LOG_LEVELS")
	s.String(&l.pidKey, "log-base-pid-key", "pid", "key of the process id in a log line", "LOG_BASE_PID_KEY")
	s.String(&l.hostnameKey, "log-base-hostname-key", "hostname", "key of the host's name in a log line", "LOG_BASE_HOSTNAME_KEY")
}

// Debug has more logged, unless the most is already.
func (l *Log) Debug() {
	if !strings.EqualFold(l.level, "trace") {
		l.level = "debug"
	}
}

// Handler makes the log handler, once flags are parsed.
func (l *Log) Handler(w io.Writer) (slog.Handler, error) {
	level, known := levels[strings.ToLower(l.level)]
	if !known {
		return nil, fmt.Errorf("--log-level is %q: must be trace, debug, info, warn, error, fatal or silent", l.level)
	}
	handler := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level.slog, ReplaceAttr: l.replace})
	hostname, _ := os.Hostname() // a log line without it is still worth having
	return handler.WithAttrs([]slog.Attr{slog.Int(l.pidKey, os.Getpid()), slog.String(l.hostnameKey, hostname)}), nil
}

func (l *Log) replace(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.MessageKey:
		a.Key = l.messageKey
	case slog.LevelKey:
		if level, ok := a.Value.Any().(slog.Level); ok {
			a.Value = l.levelValue(level)
		}
	}
	return a
}

// levelValue rounds a level down to one of KES's.
func (l *Log) levelValue(level slog.Level) slog.Value {
	name := "trace"
	for _, candidate := range []string{"debug", "info", "warn", "error", "fatal"} {
		if level >= levels[candidate].slog {
			name = candidate
		}
	}
	if l.humanLevels {
		return slog.StringValue(name)
	}
	return slog.IntValue(levels[name].pino)
}
