package house

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// RedisPassword is the password in every Redis.URL; tests look for it where it must never appear.
const RedisPassword = "redis-password-canary"

// Redis is a Redis server of the test's own.
type Redis struct {
	URL    string
	folder string
}

// NewRedis starts a Redis that ends with the test.
func NewRedis(t testing.TB) *Redis {
	t.Helper()
	folder, err := os.MkdirTemp("", "redis-")
	if err != nil {
		t.Fatal(err)
	}
	r := &Redis{folder: folder}
	t.Cleanup(func() {
		if _, err := r.control("remove"); err != nil {
			t.Error(err)
		}
	})
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	return r
}

// Start starts it, empty, where it is not running, on the port that it had.
func (r *Redis) Start() error {
	url, err := r.control("start")
	r.URL = url
	return err
}

// Kill ends it by SIGKILL.
func (r *Redis) Kill() error {
	_, err := r.control("kill")
	return err
}

func (r *Redis) control(action string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	out, err := output(exec.Command("bash", filepath.Join(root, "tests", "lib", "redis.sh"), action, r.folder))
	if err != nil {
		return "", fmt.Errorf("redis %s: %w", action, err)
	}
	return strings.TrimSpace(out), nil
}
