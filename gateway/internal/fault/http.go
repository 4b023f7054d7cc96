package fault

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"strconv"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/marketing-agents/marketing/gateway/internal/httpstatus"
)

// HTTPCode is the HTTP status that a status is answered with.
func HTTPCode(st *status.Status) int {
	return httpstatus.Of(st.Code(), Reason(st))
}

// CodeName is a canonical code as the API writes it, e.g. "NOT_FOUND".
func CodeName(c codes.Code) string {
	return code.Code(c).String()
}

type body struct {
	Error shape `json:"error"`
}

type shape struct {
	Code    int               `json:"code"`
	Status  string            `json:"status"`
	Reason  string            `json:"reason"`
	Message string            `json:"message"`
	Details []json.RawMessage `json:"details"`
}

// JSON is the body of every failed REST call, and the last line of a stream that failed.
func JSON(st *status.Status) []byte {
	b := body{shape{
		Code:    HTTPCode(st),
		Status:  CodeName(st.Code()),
		Reason:  Reason(st),
		Message: st.Message(),
		Details: []json.RawMessage{},
	}}
	for _, d := range st.Proto().GetDetails() {
		b.Error.Details = append(b.Error.Details, detail(d))
	}
	out, err := json.Marshal(b)
	if err != nil {
		return []byte(`{"error":{"code":500,"status":"INTERNAL","reason":"INTERNAL","message":"the error cannot be shown","details":[]}}`)
	}
	return out
}

// A detail of a type that is not compiled in is shown by its bytes.
func detail(d *anypb.Any) json.RawMessage {
	if out, err := (protojson.MarshalOptions{UseProtoNames: true}).Marshal(d); err == nil {
		return out
	}
	out, _ := json.Marshal(map[string]string{"@type": d.GetTypeUrl(), "value": base64.StdEncoding.EncodeToString(d.GetValue())})
	return out
}

// Write answers a REST call with a status: body, HTTP status, and the headers that go with it.
func Write(w http.ResponseWriter, st *status.Status) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Del("Content-Length")
	if after := retrySeconds(st); after > 0 {
		h.Set("Retry-After", strconv.Itoa(after))
	}
	if st.Code() == codes.Unauthenticated {
		h.Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(HTTPCode(st))
	_, _ = w.Write(append(JSON(st), '\n')) // whoever hung up needs no answer
}

// Retry-After counts whole seconds, so a delay is rounded up. UNAVAILABLE always states one: clients then do not have to guess.
func retrySeconds(st *status.Status) int {
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return int(math.Ceil(info.GetRetryDelay().AsDuration().Seconds()))
		}
	}
	if st.Code() == codes.Unavailable {
		return 1
	}
	return 0
}
