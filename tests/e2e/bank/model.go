package bank

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/marketing-agents/marketing/tests/e2e/house"
)

// Trained are two models that marketingctl learnt from the data: one from all rows, and a poorer one from few.
type Trained struct {
	Keys  string    // file with the public key that signed them: MODEL_KEYS
	Files [2][]byte // the model files
}

const fewRows = 500

// Digest is the SHA-256 of a model file in hex, as decisions name it.
func Digest(file []byte) string {
	sum := sha256.Sum256(file)
	return hex.EncodeToString(sum[:])
}

// Models trains once; the result is kept in .state and used again until the tool or the data change.
var Models = sync.OnceValues(func() (*Trained, error) {
	tool, err := house.Marketingctl()
	if err != nil {
		return nil, err
	}
	data, err := Folder()
	if err != nil {
		return nil, err
	}
	folder, err := trainingFolder(tool, filepath.Join(data, "train.csv"))
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(folder, "done")); err != nil {
		if err := train(tool, data, folder); err != nil {
			return nil, err
		}
	}
	t := &Trained{Keys: filepath.Join(folder, "key.pub")}
	for i := range t.Files {
		if t.Files[i], err = os.ReadFile(filepath.Join(folder, fmt.Sprint(i), "model.mkt")); err != nil {
			return nil, err
		}
	}
	return t, nil
})

// trainingFolder is named after the bytes of the tool and of the data.
func trainingFolder(files ...string) (string, error) {
	sum := sha256.New()
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return "", err
		}
		sum.Write(b)
	}
	root, err := house.Root()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(root, ".state", "test-models", hex.EncodeToString(sum.Sum(nil)[:8]))
	return folder, os.MkdirAll(folder, 0o755)
}

// train makes the key and both models, and the mark that all is there.
func train(tool, data, folder string) error {
	d, err := Load()
	if err != nil {
		return err
	}
	few := filepath.Join(folder, "few.csv")
	var rows []Row
	for i := 0; i < len(d.Rows); i += max(1, len(d.Rows)/fewRows) {
		rows = append(rows, d.Rows[i])
	}
	if err := write(few, d.Header, rows); err != nil {
		return err
	}
	key := filepath.Join(folder, "key")
	if err := run(tool, "keys", "new", "--out", key); err != nil {
		return err
	}
	for i, file := range []string{filepath.Join(data, "train.csv"), few} {
		if err := run(tool, "model", "train", "--data", file, "--schema", filepath.Join(data, "schema.json"), "--name", "bank",
			"--sign-key", key, "--out", filepath.Join(folder, fmt.Sprint(i))); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(folder, "done"), nil, 0o644)
}

func run(tool string, args ...string) error {
	out, err := exec.Command(tool, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %v: %w: %s", tool, args, err, out)
	}
	return nil
}

// write writes rows as a CSV file.
func write(path string, header []string, rows []Row) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := csv.NewWriter(f)
	if err := w.Write(header); err != nil {
		return err
	}
	record := make([]string, len(header))
	for _, row := range rows {
		for i, name := range header {
			record[i] = row[name]
		}
		if err := w.Write(record); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}
