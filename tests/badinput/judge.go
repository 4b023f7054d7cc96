package badinput

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// What a client's fault may be answered with. INTERNAL, UNKNOWN, UNAVAILABLE, DEADLINE_EXCEEDED (a hang) and CANCELLED are the server's
// faults, and UNIMPLEMENTED would mean that the corpus names a method that is not served.
var lawfulCodes = []codes.Code{codes.OK, codes.InvalidArgument, codes.NotFound, codes.ResourceExhausted, codes.FailedPrecondition,
	codes.AlreadyExists, codes.Aborted, codes.OutOfRange, codes.Unauthenticated}

// reasons is base/reasons.def: the canonical code of each reason.
var reasons = sync.OnceValues(func() (map[string]string, error) {
	root, err := house.Root()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(root, "base", "reasons.def"))
	if err != nil {
		return nil, err
	}
	table := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^REASON\((\w+), \d+, (\w+),`).FindAllStringSubmatch(string(text), -1) {
		table[m[1]] = m[2]
	}
	if len(table) < 40 {
		return nil, fmt.Errorf("base/reasons.def: only %d reasons read", len(table))
	}
	return table, nil
})

// judge says what is wrong with an answer, or nil.
func judge(in input, replies [][]byte, err error) error {
	code := status.Code(err)
	if !slices.Contains(lawfulCodes, code) {
		return fmt.Errorf("%v is never lawful: %w", code, err)
	}
	if err == nil {
		return judgeReplies(in, replies)
	}
	switch {
	case in.verdict == malformed && code != codes.InvalidArgument:
		return fmt.Errorf("%v, want INVALID_ARGUMENT: %w", code, err)
	case in.verdict == tooLarge && code != codes.InvalidArgument && code != codes.ResourceExhausted:
		return fmt.Errorf("%v, want RESOURCE_EXHAUSTED: %w", code, err)
	}
	if code == codes.ResourceExhausted && len(in.bytes) > messageLimit {
		return nil // refused by the transport, which knows no details
	}
	return judgeDetails(code, err)
}

// judgeDetails checks the documented form of an error.
func judgeDetails(code codes.Code, err error) error {
	table, fault := reasons()
	if fault != nil {
		return fault
	}
	infos := want.ErrorInfos(err)
	if len(infos) != 1 || infos[0].Domain != "marketing.v1" {
		return fmt.Errorf("%d ErrorInfo details (want one of marketing.v1): %w", len(infos), err)
	}
	if canonical := strings.ReplaceAll(table[infos[0].Reason], "_", ""); !strings.EqualFold(canonical, code.String()) {
		return fmt.Errorf("reason %s belongs to code %s, answered was %v", infos[0].Reason, table[infos[0].Reason], code)
	}
	if code != codes.InvalidArgument {
		return nil
	}
	violations := want.Violations(err)
	if len(violations) == 0 {
		return fmt.Errorf("INVALID_ARGUMENT without a field violation: %w", err)
	}
	for _, v := range violations {
		if v.Description == "" || (v.Field == "" && infos[0].Reason != "MALFORMED_MESSAGE" && infos[0].Reason != "NESTING_TOO_DEEP") {
			return fmt.Errorf("a violation names no field or does not describe itself: %w", err)
		}
	}
	return nil
}

// judgeReplies looks into the replies of a call that was taken: their rows may be refused, by the same rules.
func judgeReplies(in input, replies [][]byte) error {
	rows, err := rowStatuses(in.method, replies)
	if err != nil {
		return err
	}
	refused := false
	for _, row := range rows {
		code := codes.Code(row.Code)
		if !slices.Contains(lawfulCodes, code) {
			return fmt.Errorf("row status %v is never lawful: %v", code, row)
		}
		if code == codes.InvalidArgument && len(row.Violations) == 0 {
			return fmt.Errorf("a row is refused without a violation: %v", row)
		}
		refused = refused || code == codes.InvalidArgument || code == codes.ResourceExhausted
	}
	if in.verdict != lawful && !refused {
		return fmt.Errorf("it was taken")
	}
	return nil
}

// rowStatuses collects every RowStatus in the replies.
func rowStatuses(method string, replies [][]byte) ([]*pb.RowStatus, error) {
	m, err := descriptor(method)
	if err != nil {
		return nil, err
	}
	var rows []*pb.RowStatus
	for _, b := range replies {
		reply, err := newMessage(m.Output())
		if err != nil {
			return nil, err
		}
		if err := proto.Unmarshal(b, reply); err != nil {
			return nil, fmt.Errorf("the reply is no %s: %w", m.Output().Name(), err)
		}
		collect(reply.ProtoReflect(), &rows)
	}
	return rows, nil
}

func collect(m protoreflect.Message, rows *[]*pb.RowStatus) {
	if row, ok := m.Interface().(*pb.RowStatus); ok {
		*rows = append(*rows, row)
		return
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap() || f.Kind() != protoreflect.MessageKind:
		case f.IsList():
			for i := range v.List().Len() {
				collect(v.List().Get(i).Message(), rows)
			}
		default:
			collect(v.Message(), rows)
		}
		return true
	})
}
