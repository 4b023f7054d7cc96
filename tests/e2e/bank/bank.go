// Package bank gives tests real leads: rows of testdata/bank, the UCI bank marketing data that the repository carries.
package bank

import (
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
)

// Label is the column that says whether a row converted.
const Label = "y"

// Row is a row of the file, by column.
type Row map[string]string

// Data is the whole file.
type Data struct {
	Header []string
	Rows   []Row
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
	for _, record := range records[1:] {
		row := Row{}
		for i, name := range d.Header {
			row[name] = record[i]
		}
		d.Rows = append(d.Rows, row)
	}
	return d, nil
})

// Leads makes n leads from the rows from `first` on (around the end), with external ids `prefix-0` and so on. The label is left out.
func Leads(prefix string, first, n int) ([]*pb.Lead, error) {
	d, err := Load()
	if err != nil {
		return nil, err
	}
	leads := make([]*pb.Lead, n)
	for i := range leads {
		attributes := maps.Clone(map[string]string(d.Rows[(first+i)%len(d.Rows)]))
		delete(attributes, Label)
		leads[i] = &pb.Lead{ExternalId: fmt.Sprintf("%s-%d", prefix, i), Attributes: attributes}
	}
	return leads, nil
}
