package load

import (
	"os"
	"slices"
	"syscall"
	"time"
)

// Fdatasync measures how long the disk takes to make 4 KiB at the end of a file in the folder durable: the median and the 99th
// percentile of 500 times.
func Fdatasync(folder string) (p50, p99 time.Duration, err error) {
	f, err := os.CreateTemp(folder, "fdatasync-")
	if err != nil {
		return 0, 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 4096)
	times := make([]time.Duration, 500)
	for i := range times {
		began := time.Now()
		if _, err := f.Write(block); err != nil {
			return 0, 0, err
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			return 0, 0, err
		}
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	return times[len(times)/2], times[len(times)*99/100], nil
}
