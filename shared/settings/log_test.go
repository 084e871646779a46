package settings_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/settings"
)

// logged writes one line under these settings and returns it; it is nil where the level forbids it.
func logged(t *testing.T, env map[string]string, level slog.Level) map[string]any {
	t.Helper()
	var l settings.Log
	s := section(env)
	l.Bind(s)
	var out bytes.Buffer
	handler, err := l.Handler(&out)
	if err != nil {
		t.Fatal(err)
	}
	slog.New(handler).Log(context.Background(), level, "hello", slog.Group("g", slog.String("msg", "inner"), slog.Int("level", 1)))
	if out.Len() == 0 {
		return nil
	}
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	delete(line, "time")
	return line
}

func TestLogLinesAreInTheShapeOfKES(t *testing.T) {
	hostname, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	pid, group := float64(os.Getpid()), map[string]any{"msg": "inner", "level": 1.0}
	for name, test := range map[string]struct {
		env  map[string]string
		want map[string]any
	}{
		"by default": {nil, map[string]any{"level": 30.0, "msg": "hello", "pid": pid, "hostname": hostname, "g": group}},
		"with every variable of KES": {
			map[string]string{
				"LOG_MESSAGE_KEY": "message", "USE_HUMAN_READABLE_LOG_LEVELS": "false", "LOG_BASE_PID_KEY": "process", "LOG_BASE_HOSTNAME_KEY": "host",
			},
			map[string]any{"level": "info", "message": "hello", "process": pid, "host": hostname, "g": group},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, logged(t, test.env, slog.LevelInfo)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestLogLevels(t *testing.T) {
	of := map[string]slog.Level{
		"trace": slog.LevelDebug - 3, "debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError, "fatal": slog.LevelError + 4,
	}
	numbers := map[string]float64{"trace": 10, "debug": 20, "info": 30, "warn": 40, "error": 50, "fatal": 60}
	for name, level := range of {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{"LOG_LEVEL": name}
			if got := logged(t, env, level); got["level"] != numbers[name] {
				t.Errorf("a line of its own level is %v", got)
			}
			if got := logged(t, env, level-1); got != nil {
				t.Errorf("a line below it is logged: %v", got)
			}
			if got := logged(t, map[string]string{"LOG_LEVEL": "TRACE", "USE_HUMAN_READABLE_LOG_LEVELS": ""}, level+1); got["level"] != name {
				t.Errorf("a level between two is %v", got["level"])
			}
			if got := logged(t, map[string]string{"LOG_LEVEL": "silent"}, level); got != nil {
				t.Errorf("silence is broken: %v", got)
			}
		})
	}
}

func TestAnUnknownLogLevelIsRefused(t *testing.T) {
	var l settings.Log
	s := section(map[string]string{"LOG_LEVEL": "verbose"})
	l.Bind(s)
	_, err := l.Handler(io.Discard)
	if err == nil || err.Error() != `--log-level is "verbose": must be trace, debug, info, warn, error, fatal or silent` {
		t.Errorf("got %v", err)
	}
}
