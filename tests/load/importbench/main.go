// Command importbench measures ImportLeads against sqlite3's own .import of the same file, in one run. tests/bench/import.sh calls it;
// docs/benchmarks.md says what it measured where.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/bank"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/load"
)

type options struct {
	rows, rounds int
	postgres     bool
}

func main() {
	var o options
	flag.IntVar(&o.rows, "rows", 1_000_000, "rows of the file")
	flag.IntVar(&o.rounds, "rounds", 1, "rounds; figures are medians over them")
	flag.BoolVar(&o.postgres, "postgres", true, "also on PostgreSQL")
	flag.Parse()
	os.Exit(house.Main(func() int {
		if err := bench(o); err != nil {
			fmt.Fprintln(os.Stderr, "importbench:", err)
			return 1
		}
		return 0
	}))
}

// path is one way to get the file into a database.
type path struct {
	name string
	run  func(file string, rows int) (took, cpu time.Duration, err error)
}

func bench(o options) error {
	folder, err := os.MkdirTemp("", "importbench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "leads.csv")
	if err := writeFile(file, o.rows); err != nil {
		return err
	}
	size, err := os.Stat(file)
	if err != nil {
		return err
	}
	fmt.Println(load.Machine(folder))
	fmt.Printf("file: %d rows, %.1f MB: rows of testdata/bank over and over, each with an external id of its own; %d rounds, interleaved\n\n",
		o.rows, float64(size.Size())/1e6, o.rounds)
	paths := []path{
		{"sqlite3 .import (text columns, no index, no score)", func(file string, _ int) (time.Duration, time.Duration, error) { return sqliteImport(folder, file) }},
		{"ImportLeads on sqlite, stored", importLeads(house.SQLite, false)},
		{"ImportLeads on sqlite, scored, routed and stored", importLeads(house.SQLite, true)},
	}
	if o.postgres {
		paths = append(paths, path{"ImportLeads on postgresql, scored, routed and stored", importLeads(house.PostgreSQL, true)})
	}
	return measure(o, file, paths)
}

func measure(o options, file string, paths []path) error {
	perSecond, perRow := make([][]float64, len(paths)), make([][]float64, len(paths))
	for round := range o.rounds {
		for i, p := range paths {
			took, cpu, err := p.run(file, o.rows)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			perSecond[i] = append(perSecond[i], float64(o.rows)/took.Seconds())
			perRow[i] = append(perRow[i], float64(cpu.Microseconds())/float64(o.rows))
			fmt.Fprintf(os.Stderr, "round %d, %s: %v\n", round+1, p.name, took.Round(time.Millisecond))
		}
	}
	fmt.Print("| path | rows/s | ratio to .import | CPU us/row |\n|---|---|---|---|\n")
	for i, p := range paths {
		var ratios []float64
		for round := range o.rounds {
			ratios = append(ratios, perSecond[i][round]/perSecond[0][round])
		}
		fmt.Printf("| %s | %.0f | %.2f | %.1f |\n", p.name, load.Median(perSecond[i]), load.Median(ratios), load.Median(perRow[i]))
	}
	return nil
}

// writeFile writes the CSV.
func writeFile(path string, rows int) error {
	d, err := bank.Load()
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintf(w, "external_id,%s\n", strings.Join(d.Columns, ","))
	for i := range rows {
		row := d.Rows[i%len(d.Rows)]
		w.WriteString("import-")
		w.WriteString(strconv.Itoa(i))
		for _, name := range d.Columns {
			w.WriteByte(',')
			w.WriteString(row[name]) // no cell of this file needs quotes
		}
		w.WriteByte('\n')
	}
	return w.Flush()
}

// sqliteImport loads the file by the sqlite3 shell into a new database.
func sqliteImport(folder, file string) (time.Duration, time.Duration, error) {
	database := filepath.Join(folder, "import.sqlite")
	defer func() {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			_ = os.Remove(database + suffix)
		}
	}()
	cmd := exec.Command("sqlite3", database, "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", ".mode csv", ".import "+file+" lead")
	cmd.Stderr = os.Stderr
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, 0, err
	}
	took := time.Since(began)
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return took, time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

// importLeads sends the file to a new server with a promoted model.
func importLeads(store house.Store, triage bool) func(string, int) (time.Duration, time.Duration, error) {
	return func(file string, rows int) (time.Duration, time.Duration, error) {
		models, err := bank.Models()
		if err != nil {
			return 0, 0, err
		}
		h, err := house.Start(house.Options{Store: store, Env: []string{"AUTH=off", "LOG_CALLS=false", "MODEL_KEYS=" + models.Keys}})
		if err != nil {
			return 0, 0, err
		}
		took, cpu, err := importInto(h, file, models.Files[0], rows, triage)
		if closing := h.Close(); err == nil {
			err = closing
		}
		return took, cpu, err
	}
}

func importInto(h *house.House, file string, model []byte, rows int, triage bool) (time.Duration, time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	if err := h.ImportModel(ctx, "bank", "bench", model, true); err != nil {
		return 0, 0, err
	}
	pids := []int{h.Pid()}
	if h.Options.Store == house.PostgreSQL {
		pid, err := house.PostgresPid()
		if err != nil {
			return 0, 0, err
		}
		pids = append(pids, pid)
	}
	before, err := load.CPU(pids...)
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	state, err := h.ImportFile(ctx, &pb.LeadImportSpec{ImportId: "bench", Triage: triage}, file)
	took := time.Since(began)
	if err != nil {
		return 0, 0, err
	}
	if state.CreatedCount != int64(rows) {
		return 0, 0, fmt.Errorf("%d rows were sent, the import says %v", rows, state)
	}
	after, err := load.CPU(pids...)
	return took, after - before, err
}
