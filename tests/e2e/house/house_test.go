package house

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Main(m.Run)) }

func TestDatabasesAreFreshAndQueried(t *testing.T) {
	for _, store := range Stores {
		h := &House{Options: Options{Store: store}, Folder: t.TempDir()}
		var err error
		if h.DatabaseURL, h.drop, err = newDatabase(store, h.Folder); err != nil {
			t.Fatal(err)
		}
		defer h.drop()
		rows, err := h.Query("SELECT 1, 'a' UNION ALL SELECT 2, 'b'")
		if err != nil || len(rows) != 2 || rows[1][1] != "b" {
			t.Errorf("%s: %v %v", store, rows, err)
		}
		if _, err := h.Query("SELECT nonsense FROM nowhere"); err == nil {
			t.Errorf("%s: a wrong query gave no error", store)
		}
	}
}

func TestFaultsAreFoundInTheLog(t *testing.T) {
	h := &House{Folder: t.TempDir()}
	log := "level=info call=x code=OK\nlevel=fatal cause=y\n==1==ERROR: AddressSanitizer: heap-use-after-free\na.c:1:2: runtime error: shift\n"
	if err := os.WriteFile(filepath.Join(h.Folder, "server.log"), []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := h.Faults(); len(got) != 3 {
		t.Errorf("faults: %q", got)
	}
}

func TestAProcessThatEndsByItselfIsNotKilled(t *testing.T) {
	p, err := spawn(exec.Command("/bin/true"), nil, filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.wait(patience); err != nil {
		t.Fatal(err)
	}
	if p.kill() == nil {
		t.Error("killing a process that had ended is no error")
	}
	if p, err = spawn(exec.Command("/bin/sleep", "60"), nil, filepath.Join(t.TempDir(), "log")); err != nil {
		t.Fatal(err)
	}
	if err := p.kill(); err != nil {
		t.Error(err)
	}
}

func TestMissingBinariesSayWhatToRun(t *testing.T) {
	if _, err := Binary("NO_SUCH_VARIABLE", ".state/bin/no-such-program", "./dev build"); err == nil || !strings.Contains(err.Error(), "./dev build") {
		t.Errorf("error: %v", err)
	}
}
