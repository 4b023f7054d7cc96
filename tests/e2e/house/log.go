package house

import (
	"os"
	"path/filepath"
	"strings"
)

// What a healthy server never writes.
var faultMarks = []string{
	"level=fatal",
	"ERROR: AddressSanitizer",
	"ERROR: LeakSanitizer",
	"WARNING: ThreadSanitizer",
	"runtime error:", // UndefinedBehaviorSanitizer
	"Assertion `",
	"reason=INTERNAL ",
}

func (h *House) logPath(program string) string { return filepath.Join(h.Folder, program+".log") }

// Log is everything that the server wrote, over all its starts.
func (h *House) Log() string { return readLog(h.logPath("server")) }

// GatewayLog is everything that the gateway wrote.
func (h *House) GatewayLog() string { return readLog(h.logPath("gateway")) }

func readLog(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(b)
}

// Faults are the lines of the server's log that a healthy server never writes.
func (h *House) Faults() []string {
	var found []string
	for _, line := range strings.Split(h.Log(), "\n") {
		for _, mark := range faultMarks {
			if strings.Contains(line, mark) {
				found = append(found, line)
				break
			}
		}
	}
	return found
}

// tail is the last n lines of a text.
func tail(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n") + "\n"
}
