package house

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// FaultPoint is a row of base/faults.def.
type FaultPoint struct{ Name, Meaning string }

var faultRow = regexp.MustCompile(`(?m)^FAULT_POINT\((\w+), "(.*)"\)$`)

// FaultPoints lists every point that is compiled into .state/bin/server-faults.
func FaultPoints() ([]FaultPoint, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(root, "base/faults.def"))
	if err != nil {
		return nil, err
	}
	var all []FaultPoint
	for _, row := range faultRow.FindAllStringSubmatch(string(text), -1) {
		all = append(all, FaultPoint{row[1], row[2]})
	}
	if n := strings.Count(string(text), "\nFAULT_POINT("); n == 0 || len(all) < n {
		return nil, fmt.Errorf("%d of %d rows of base/faults.def were read", len(all), n)
	}
	return all, nil
}

// FaultServer is the path of the server that has them.
func FaultServer() (string, error) {
	return Binary("MARKETING_SERVER_FAULTS", ".state/bin/server-faults", "./dev build")
}
