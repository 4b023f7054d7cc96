package load

import (
	"bytes"
	"fmt"
	"math/rand/v2"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/bank"
	"google.golang.org/protobuf/proto"
)

const (
	emailMark   = "eeeeeeeeeeeeeeee" // 16 characters, replaced by 16 hexadecimal digits in every request
	requestMark = "rrrrrrrrrrrrrrrr"
	hexDigits   = "0123456789abcdef"
)

// Lead makes TriageLead requests of real leads: rows of the bank data with the fields of a web form around them.
type Lead struct {
	Fields   int // of the first request, its request id included
	Bytes    int // of the first request
	messages [][]byte
	marks    [][2]int // where the two marks begin in each
}

// NewLead prepares the messages: every one with an address and a request id of its own, so that it makes a lead; or of 1,000 leads that
// come again and again, without request ids. change may set the request's options.
func NewLead(known bool, change func(*pb.TriageLeadRequest)) (*Lead, error) {
	leads, err := bank.Leads("", 0, 1000)
	if err != nil {
		return nil, err
	}
	l := &Lead{Fields: 8 + len(leads[0].Attributes)}
	for i, lead := range leads {
		lead.ExternalId = ""
		lead.Email = emailMark + "@load.example"
		lead.FullName, lead.Company, lead.JobTitle = "Ada Lovelace", "Analytical Engines Ltd", "Head of Operations"
		lead.Source, lead.Country, lead.TimeZone = "webinar", "GB", "Europe/London"
		request := &pb.TriageLeadRequest{Lead: lead, RequestId: requestMark}
		if known {
			lead.Email, request.RequestId = fmt.Sprintf("known%011d@load.example", i), ""
		}
		change(request)
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(request)
		if err != nil {
			return nil, err
		}
		marks := [2]int{bytes.Index(b, []byte(emailMark)), bytes.Index(b, []byte(requestMark))}
		if (marks[0] < 0) != known {
			return nil, fmt.Errorf("the message does not hold the address that it should")
		}
		l.messages, l.marks = append(l.messages, b), append(l.marks, marks)
	}
	l.Bytes = len(l.messages[0])
	return l, nil
}

// Maker is a Plan's Maker.
func (l *Lead) Maker(int) Maker {
	random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	next := random.IntN(len(l.messages))
	return func(into []byte) []byte {
		next = (next + 1) % len(l.messages)
		into = append(into, l.messages[next]...)
		for _, at := range l.marks[next] {
			if at >= 0 {
				digits(into[at:at+16], random.Uint64())
			}
		}
		return into
	}
}

func digits(into []byte, n uint64) {
	for i := range into {
		into[i] = hexDigits[n&15]
		n >>= 4
	}
}
