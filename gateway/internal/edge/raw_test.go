package edge_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// rawCall makes one gRPC call frame by frame, for what no gRPC library would send, and returns its headers and trailers; of a call that is reset
// or hung up on, none.
func rawCall(t *testing.T, c net.Conn, path, encoding string, message []byte, more ...[2]string) map[string]string {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write([]byte(http2.ClientPreface)); err != nil {
		t.Fatal(err)
	}
	f := http2.NewFramer(c, c)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	for _, h := range append([][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":path", path}, {":authority", "localhost"},
		{"content-type", "application/grpc"}, {"te", "trailers"}, {"grpc-encoding", encoding},
	}, more...) {
		if err := e.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]}); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(
		f.WriteSettings(),
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true}),
		f.WriteData(1, true, message),
	)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for {
		frame, err := f.ReadFrame()
		if _, reset := frame.(*http2.RSTStreamFrame); reset || errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			t.Fatal(err)
		}
		h, ok := frame.(*http2.MetaHeadersFrame)
		if !ok {
			continue
		}
		for _, field := range h.Fields {
			got[field.Name] = field.Value
		}
		if h.StreamEnded() {
			return got
		}
	}
}
