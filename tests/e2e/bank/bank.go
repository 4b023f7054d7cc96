// Package bank gives tests real leads: rows of testdata/bank, the UCI bank marketing data that the repository carries.
package bank

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
)

// Row is a row of the file, by column.
type Row map[string]string

// Data is the whole training file.
type Data struct {
	Header []string
	Rows   []Row
	// Columns are those that a model reads: neither the row's id nor the label.
	Columns []string
}

// Folder is testdata/bank.
func Folder() (string, error) {
	root, err := house.Root()
	return filepath.Join(root, "testdata", "bank"), err
}

// Load reads the training file once.
var Load = sync.OnceValues(func() (*Data, error) {
	folder, err := Folder()
	if err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(folder, "train.csv"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	records, err := r.ReadAll()
	if err != nil {
		return nil, err
	}
	d := &Data{Header: records[0]}
	if err := d.readSchema(folder); err != nil {
		return nil, err
	}
	for _, record := range records[1:] {
		row := Row{}
		for i, name := range d.Header {
			row[name] = record[i]
		}
		d.Rows = append(d.Rows, row)
	}
	return d, nil
})

// readSchema finds the columns, in the file's order.
func (d *Data) readSchema(folder string) error {
	text, err := os.ReadFile(filepath.Join(folder, "schema.json"))
	if err != nil {
		return err
	}
	var schema struct {
		Columns map[string]string `json:"columns"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		return err
	}
	for _, name := range d.Header {
		if schema.Columns[name] != "" {
			d.Columns = append(d.Columns, name)
		}
	}
	return nil
}

// Leads makes n leads from the rows from `first` on (around the end), with external ids `prefix-0` and so on.
func Leads(prefix string, first, n int) ([]*pb.Lead, error) {
	d, err := Load()
	if err != nil {
		return nil, err
	}
	leads := make([]*pb.Lead, n)
	for i := range leads {
		row, attributes := d.Rows[(first+i)%len(d.Rows)], map[string]string{}
		for _, name := range d.Columns {
			attributes[name] = row[name]
		}
		leads[i] = &pb.Lead{ExternalId: fmt.Sprintf("%s-%d", prefix, i), Attributes: attributes}
	}
	return leads, nil
}
