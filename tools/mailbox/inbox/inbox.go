// Package inbox is a mail server that keeps what it gets, in memory, and passes nothing on.
package inbox

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
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
	Secured  bool // it came after STARTTLS
}

// Parsed is the mail's header and body.
func (m Mail) Parsed() (*mail.Message, error) { return mail.ReadMessage(bytes.NewReader(m.Raw)) }

// Box holds the mails of one server. What is set of it stands before it serves.
type Box struct {
	TLS   *tls.Config // for STARTTLS; nil: it is not offered
	Login string      // "user:password", without which nothing is taken; empty: there is none
	Taken func(Mail)  // hears of each mail before its sender is answered; nil: nobody does

	mu    sync.Mutex
	count int // of all that came
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
	if b.Taken != nil {
		b.Taken(m)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count++
	m.ID = b.count
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

// session is one client's conversation.
type session struct {
	box     *Box
	c       net.Conn
	in      *bufio.Reader
	secured bool
	known   bool // it has logged in
	m       Mail
}

// serve speaks as much SMTP as a client needs to hand over mails (RFC 5321), with STARTTLS (RFC 3207) and AUTH PLAIN (RFC 4954) where the
// box has them.
func (b *Box) serve(c net.Conn) {
	s := &session{box: b, c: c, in: bufio.NewReader(c)}
	defer func() { _ = s.c.Close() }()
	for ok := s.say("220 sink"); ok; {
		line, err := s.in.ReadString('\n')
		if err != nil {
			return
		}
		ok = s.answer(strings.TrimSpace(line))
	}
}

func (s *session) say(lines ...string) bool {
	_, err := s.c.Write([]byte(strings.Join(lines, "\r\n") + "\r\n"))
	return err == nil
}

// answer returns false at the end.
func (s *session) answer(line string) bool {
	verb, rest, _ := strings.Cut(line, " ")
	switch verb = strings.ToUpper(verb); {
	case verb == "EHLO":
		return s.say(s.abilities()...)
	case verb == "STARTTLS" && s.box.TLS != nil && !s.secured:
		return s.say("220 go on") && s.secure()
	case verb == "AUTH" && s.box.Login != "":
		return s.login(rest)
	case verb == "MAIL" && s.box.Login != "" && !s.known:
		return s.say("530 5.7.0 log in first")
	case verb == "MAIL":
		s.m = Mail{From: address(line), Secured: s.secured}
	case verb == "RCPT":
		s.m.To = address(line)
	case verb == "DATA":
		return s.take()
	case verb == "QUIT":
		s.say("221 bye")
		return false
	}
	return s.say("250 ok")
}

func (s *session) abilities() []string {
	lines := []string{"250-sink"}
	if s.box.TLS != nil && !s.secured {
		lines = append(lines, "250-STARTTLS")
	}
	if s.box.Login != "" {
		lines = append(lines, "250-AUTH PLAIN")
	}
	return append(lines, "250 ok")
}

func (s *session) secure() bool {
	c := tls.Server(s.c, s.box.TLS)
	s.c, s.in, s.secured = c, bufio.NewReader(c), true
	return c.Handshake() == nil
}

// login compares with what RFC 4616 makes of user and password.
func (s *session) login(given string) bool {
	user, password, _ := strings.Cut(s.box.Login, ":")
	s.known = given == "PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+password))
	if !s.known {
		return s.say("535 5.7.8 wrong user or password")
	}
	return s.say("235 in")
}

func (s *session) take() bool {
	if !s.say("354 go on") {
		return false
	}
	var err error
	if s.m.Raw, err = readData(s.in); err != nil {
		return false
	}
	s.box.keep(s.m)
	return s.say("250 taken")
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
