package house

import (
	"os"
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

func (r *Redis) control(action string) (string, error) { return script("redis.sh", action, r.folder) }
