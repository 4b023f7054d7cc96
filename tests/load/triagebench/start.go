package main

import (
	"fmt"
	"os"
	"time"

	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/load"
)

// startUp measures the time from the start of the process to the first SERVING, on a new and on an existing database, and what an idle
// server holds.
func startUp() error {
	fmt.Print("### start\n\n| store | first start ms | later starts ms | idle RSS MiB | idle PSS MiB |\n|---|---|---|---|---|\n")
	for _, store := range house.Stores {
		var first, later []float64
		var rss, pss int64
		for range 5 {
			began := time.Now()
			h, err := house.Start(house.Options{Store: store, Env: []string{"AUTH=off"}})
			if err != nil {
				return err
			}
			first = append(first, load.Milliseconds(time.Since(began)))
			if err := h.Stop(); err != nil {
				return err
			}
			began = time.Now()
			if err := h.Up(); err != nil {
				return err
			}
			later = append(later, load.Milliseconds(time.Since(began)))
			time.Sleep(time.Second)
			rss, pss = load.Resident(h.Pid()), load.Proportional(h.Pid())
			if err := h.Close(); err != nil {
				return err
			}
		}
		fmt.Printf("| %s | %.0f | %.0f | %d | %d |\n", store, load.Median(first), load.Median(later), rss>>20, pss>>20)
	}
	fmt.Println()
	return nil
}

// recovery measures the start after a kill, when SQLite finds a long write-ahead log.
func recovery(lead *load.Lead) error {
	h, err := house.Start(house.Options{Env: []string{"AUTH=off", "LOG_CALLS=false"}})
	if err != nil {
		return err
	}
	defer func() { _ = h.Close() }()
	var starts, logs []float64
	for range 5 {
		r, err := load.Run(load.Plan{Address: h.Address, Method: triageLead, Connections: 50, Concurrent: 50, Duration: 2 * time.Second, Maker: lead.Maker})
		if err == nil {
			err = r.Err()
		}
		if err != nil {
			return err
		}
		if err := h.Kill(); err != nil {
			return err
		}
		wal, err := os.Stat(h.DatabaseFile() + "-wal")
		if err != nil {
			return err
		}
		began := time.Now()
		if err := h.Up(); err != nil {
			return err
		}
		starts = append(starts, load.Milliseconds(time.Since(began)))
		logs = append(logs, float64(wal.Size()>>20))
	}
	fmt.Printf("killed after load, SQLite with a write-ahead log file of %.0f MiB: serving after %.0f ms\n\n", load.Median(logs), load.Median(starts))
	return nil
}
