// Package want checks what calls answered.
package want

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// OK ends the test where the call failed.
func OK(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v %v", err, status.Convert(err).Details())
	}
}

// Error checks that the call failed with exactly this code and reason, in the documented form: one google.rpc.ErrorInfo of the domain
// "marketing.v1".
func Error(t testing.TB, err error, code codes.Code, reason string) {
	t.Helper()
	if got := status.Code(err); got != code {
		t.Fatalf("code %v, want %v (%s): %v", got, code, reason, err)
	}
	infos := ErrorInfos(err)
	if len(infos) != 1 {
		t.Fatalf("%d ErrorInfo details, want 1: %v", len(infos), err)
	}
	if infos[0].Domain != "marketing.v1" || infos[0].Reason != reason {
		t.Fatalf("reason %s / %s, want marketing.v1 / %s: %v", infos[0].Domain, infos[0].Reason, reason, err)
	}
	if status.Convert(err).Message() == "" {
		t.Fatalf("%s has no message", reason)
	}
}

// Violation checks that the call failed with INVALID_ARGUMENT and this reason, and that a BadRequest names the field.
func Violation(t testing.TB, err error, reason, field string) {
	t.Helper()
	Error(t, err, codes.InvalidArgument, reason)
	var fields []string
	for _, v := range Violations(err) {
		if v.Description == "" {
			t.Errorf("the violation of %s has no description", v.Field)
		}
		fields = append(fields, v.Field)
	}
	if !slices.Contains(fields, field) {
		t.Fatalf("violations name %q, want %q: %v", fields, field, err)
	}
}

// ErrorInfos are the google.rpc.ErrorInfo details of an error.
func ErrorInfos(err error) []*errdetails.ErrorInfo {
	var found []*errdetails.ErrorInfo
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			found = append(found, info)
		}
	}
	return found
}

// Violations are the field violations of an error's google.rpc.BadRequest.
func Violations(err error) []*errdetails.BadRequest_FieldViolation {
	var found []*errdetails.BadRequest_FieldViolation
	for _, d := range status.Convert(err).Details() {
		if bad, ok := d.(*errdetails.BadRequest); ok {
			found = append(found, bad.FieldViolations...)
		}
	}
	return found
}

// Row checks the status of one row of a batch or stream: code, reason and, where field is not empty, a violation of it.
func Row(t testing.TB, row *pb.RowStatus, code codes.Code, reason, field string) {
	t.Helper()
	if codes.Code(row.GetCode()) != code || row.GetReason() != reason {
		t.Fatalf("row status %v %q, want %v %q: %s", codes.Code(row.GetCode()), row.GetReason(), code, reason, row.GetMessage())
	}
	if field == "" {
		return
	}
	for _, v := range row.GetViolations() {
		if v.Field == field {
			return
		}
	}
	t.Fatalf("row violations are %v, want one of %q", row.GetViolations(), field)
}

// RowOK checks that a row was taken.
func RowOK(t testing.TB, row *pb.RowStatus) {
	t.Helper()
	if row.GetCode() != 0 {
		t.Fatalf("row refused: %v", row)
	}
}

// Equal compares two comparable values.
func Equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

// True checks a condition.
func True(t testing.TB, ok bool, format string, args ...any) {
	t.Helper()
	if !ok {
		t.Fatalf(format, args...)
	}
}

// Soon waits until look says that it is so, which may take as long as it takes on a busy machine. seen is for the failure.
func Soon(t testing.TB, what string, look func() (so bool, seen any)) {
	t.Helper()
	for limit := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		so, seen := look()
		if so {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("not within %v: %s: %v", patience, what, seen)
		}
	}
}

const patience = 2 * time.Minute

// Same compares two messages.
func Same(t testing.TB, what string, got, want proto.Message) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Fatalf("%s differ:\n got %s\nwant %s", what, protojson.Format(got), protojson.Format(want))
	}
}

// Near compares two numbers with a relative tolerance (absolute below 1).
func Near(t testing.TB, what string, got, want, tolerance float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > tolerance*math.Max(1, math.Abs(want)) {
		t.Fatalf("%s: got %.17g, want %.17g within %g", what, got, want, tolerance)
	}
}

// Prefix checks how a text begins.
func Prefix(t testing.TB, what, got, prefix string) {
	t.Helper()
	if !strings.HasPrefix(got, prefix) || len(got) == len(prefix) {
		t.Fatalf("%s: %q, want %q and more", what, got, prefix)
	}
}

// Code is the canonical code of an error.
func Code(err error) codes.Code { return status.Code(err) }
