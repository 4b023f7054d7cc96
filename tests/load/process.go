package load

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const clockTick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that this runs on

// Resident is the resident memory of a process in bytes; 0 where there is no such process.
func Resident(pid int) int64 { return statusBytes(pid, "status", "VmRSS:") }

// Proportional is its proportional set size in bytes: shared pages count by share.
func Proportional(pid int) int64 { return statusBytes(pid, "smaps_rollup", "Pss:") }

func statusBytes(pid int, file, name string) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(text), "\n") {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == name {
			kb, _ := strconv.ParseInt(f[1], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// CPU is the processor time (user and system) that the processes and all their descendants have used, ended children included.
func CPU(roots ...int) (time.Duration, error) {
	table, err := processes()
	if err != nil {
		return 0, err
	}
	var ticks int64
	for len(roots) > 0 {
		pid := roots[0]
		p, ok := table[pid]
		if !ok {
			return 0, fmt.Errorf("process %d has ended", pid)
		}
		ticks += p.ticks
		roots = append(roots[1:], p.children...)
	}
	return time.Duration(ticks) * clockTick, nil
}

type process struct {
	ticks    int64
	children []int
}

// processes reads /proc.
func processes() (map[int]process, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	table := map[int]process{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // ended meanwhile
		}
		// pid (name with anything in it) state ppid ... utime stime cutime cstime
		end := strings.LastIndexByte(string(text), ')')
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		f := strings.Fields(string(text)[end+1:])
		if end < 0 || len(f) < 15 {
			continue
		}
		parent, _ := strconv.Atoi(f[1])
		var ticks int64
		for _, column := range f[11:15] {
			n, _ := strconv.ParseInt(column, 10, 64)
			ticks += n
		}
		p := table[pid]
		p.ticks = ticks
		table[pid] = p
		up := table[parent]
		up.children = append(up.children, pid)
		table[parent] = up
	}
	return table, nil
}
