package main

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestMemoryIsHidden(t *testing.T) {
	if err := hideMemory(); err != nil {
		t.Fatal(err)
	}
	if dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || dumpable != 0 {
		t.Errorf("PR_GET_DUMPABLE: %d, %v", dumpable, err)
	}
	var core unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &core); err != nil || core.Cur != 0 || core.Max != 0 {
		t.Errorf("RLIMIT_CORE: %+v, %v", core, err)
	}
}
