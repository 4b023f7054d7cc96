package house

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
)

// Root is the top folder of the repository.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "WORKSPACE")); err == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("no WORKSPACE file above the working directory: run the tests inside the repository")
}

// Binary finds a built program: the environment variable, else the path below the root. `command` says what makes it.
func Binary(variable, path, command string) (string, error) {
	if p := os.Getenv(variable); p != "" {
		path = p
	} else {
		root, err := Root()
		if err != nil {
			return "", err
		}
		path = filepath.Join(root, path)
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is missing: run `%s` first (%w)", filepath.Base(path), command, err)
	}
	return path, nil
}

func serverBinary(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	return Binary("MARKETING_SERVER", ".state/bin/server", "./dev build")
}

// Marketingctl is the path of the command-line tool.
func Marketingctl() (string, error) {
	return Binary("MARKETINGCTL", ".state/bin/marketingctl", "./dev build")
}

// Tool finds a program that ./dev setup installs, in PATH or in Go's binary folder.
func Tool(name string) (string, error) {
	if p, err := exec.LookPath(name); err == nil {
		return p, nil
	}
	home, _ := os.UserHomeDir()
	for _, dir := range []string{os.Getenv("GOBIN"), filepath.Join(home, "go", "bin")} {
		p := filepath.Join(dir, name)
		if _, err := os.Stat(p); dir != "" && err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("%s is missing: run `./dev setup` first", name)
}

// Number is a whole number of the environment, at least `least`; `otherwise` where it is not set.
func Number(t testing.TB, variable string, otherwise, least int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least {
		t.Fatalf("%s=%q is no number from %d on", variable, text, least)
	}
	return n
}

// Where houses look for ports: below those of tests/lib's scripts, and below the range from which systems take clients' own ports.
const (
	firstPort = 10000
	afterPort = 16000
)

var (
	portsFrom  = rand.IntN(afterPort - firstPort) // so that two runs at once seldom meet
	portsGiven atomic.Int64
)

// FreePorts finds n free addresses on loopback. A process is given none twice, so that a server that is down finds its port free again.
func FreePorts(n int) ([]string, error) {
	var found []string
	for len(found) < n {
		given := int(portsGiven.Add(1))
		if given > afterPort-firstPort {
			return nil, fmt.Errorf("no port between %d and %d is left", firstPort, afterPort)
		}
		address := fmt.Sprintf("127.0.0.1:%d", firstPort+(portsFrom+given)%(afterPort-firstPort))
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		_ = l.Close()
		found = append(found, address)
	}
	return found, nil
}
