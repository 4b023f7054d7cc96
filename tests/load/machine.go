package load

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Machine is the line that says on what a bench ran: processor, kernel, load, disk.
func Machine(folder string) string {
	p50, p99, err := Fdatasync(folder)
	disk := fmt.Sprintf("fdatasync of 4 KiB %.2f ms (p99 %.2f)", Milliseconds(p50), Milliseconds(p99))
	if err != nil {
		disk = err.Error()
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	average, _ := os.ReadFile("/proc/loadavg")
	return fmt.Sprintf("machine: %d x %s, Linux %s, load %s, %s", runtime.NumCPU(), cpuModel(), strings.TrimSpace(string(kernel)),
		strings.Join(strings.Fields(string(average))[:3], " "), disk)
}

// Milliseconds is a time for a table.
func Milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func cpuModel() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for _, line := range strings.Split(string(text), "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// MedianDifference is the median of the rounds' differences.
func MedianDifference(of, other []float64) float64 {
	var more []float64
	for i := range of {
		more = append(more, of[i]-other[i])
	}
	return Median(more)
}

// Median is the middle of the numbers, 0 where there are none.
func Median(numbers []float64) float64 {
	if len(numbers) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(numbers))
	return sorted[len(sorted)/2]
}
