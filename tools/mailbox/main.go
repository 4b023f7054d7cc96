// Mailbox takes all mail that it is handed and shows it on a page, for trying things out: ./dev up sends its mail here, and nothing leaves
// the machine. Both ports are on loopback.
package main

import (
	"flag"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/marketing-agents/marketing/tools/mailbox/inbox"
)

func main() {
	smtp := flag.String("smtp", "127.0.0.1:8026", "where mail is taken")
	page := flag.String("http", "127.0.0.1:8025", "where it is shown")
	flag.Parse()
	l, err := net.Listen("tcp", *smtp)
	if err != nil {
		log.Fatal(err)
	}
	box := &inbox.Box{}
	go box.Serve(l)
	server := &http.Server{Addr: *page, Handler: pages(box), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}
