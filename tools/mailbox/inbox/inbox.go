// Package inbox is a mail server that keeps what it gets, in memory, and passes nothing on.
package inbox

import (
	"bufio"
	"bytes"
	"net"
	"net/mail"
	"strings"
	"sync"
	"time"
)

// Kept is how many mails a Box holds: the newest.
const Kept = 1000

// Mail is a mail as it was taken.
type Mail struct {
	ID       int    // counts from 1
	From, To string // of the envelope
	Raw      []byte
	Time     time.Time
}

// Parsed is the mail's header and body.
func (m Mail) Parsed() (*mail.Message, error) { return mail.ReadMessage(bytes.NewReader(m.Raw)) }

// Box holds the mails of one server.
type Box struct {
	mu    sync.Mutex
	taken int
	mails []Mail
}

// Mails are those that it holds, oldest first.
func (b *Box) Mails() []Mail {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Mail(nil), b.mails...)
}

func (b *Box) keep(m Mail) {
	m.Time = time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken++
	m.ID = b.taken
	b.mails = append(b.mails, m)
	b.mails = b.mails[max(0, len(b.mails)-Kept):]
}

// Serve takes mails until the listener is closed.
func (b *Box) Serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go b.serve(c)
	}
}

// serve speaks as much SMTP as a client needs to hand over mails (RFC 5321).
func (b *Box) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	in := bufio.NewReader(c)
	say := func(line string) bool { _, err := c.Write([]byte(line + "\r\n")); return err == nil }
	var m Mail
	for ok := say("220 sink"); ok; {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		switch verb := strings.ToUpper(strings.SplitN(line, ":", 2)[0]); {
		case verb == "MAIL FROM":
			m = Mail{From: address(line)}
			ok = say("250 ok")
		case verb == "RCPT TO":
			m.To = address(line)
			ok = say("250 ok")
		case verb == "DATA":
			if ok = say("354 go on"); !ok {
				return
			}
			if m.Raw, err = readData(in); err != nil {
				return
			}
			b.keep(m)
			ok = say("250 taken")
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			ok = say("250 ok")
		}
	}
}

// address is what stands between the angle brackets.
func address(line string) string {
	_, rest, _ := strings.Cut(line, "<")
	inside, _, _ := strings.Cut(rest, ">")
	return inside
}

// readData reads up to the line that holds a dot alone, and undoes the dots before other lines.
func readData(in *bufio.Reader) ([]byte, error) {
	var all []byte
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return nil, err
		}
		if string(line) == ".\r\n" {
			return all, nil
		}
		all = append(all, bytes.TrimPrefix(line, []byte("."))...)
	}
}
