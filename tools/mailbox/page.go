package main

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"github.com/marketing-agents/marketing/tools/mailbox/inbox"
)

//go:embed page.html
var source string

var page = template.Must(template.New("page").Parse(source))

// shown is a mail as the page and the list in JSON have it. Ids count from 1.
type shown struct {
	ID      int    `json:"id"`
	Time    string `json:"time"`
	To      string `json:"to"`
	From    string `json:"from"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	HTML    string `json:"html"`
}

func show(id int, m inbox.Mail) shown {
	words, err := m.Read()
	if err != nil {
		words.Text = "cannot be read: " + err.Error()
	}
	return shown{id, m.Time.UTC().Format(time.RFC3339), m.To, words.From, words.Subject, words.Text, words.HTML}
}

// newest is all mails, the last one first.
func newest(box *inbox.Box) []shown {
	mails := box.Mails()
	all := []shown{}
	for i := len(mails); i > 0; i-- {
		all = append(all, show(i, mails[i-1]))
	}
	return all
}

// pages shows the list, one mail, its HTML apart from everything else, and its bytes.
func pages(box *inbox.Box) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { write(w, map[string]any{"List": newest(box)}) })
	mux.HandleFunc("GET /mails.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(newest(box))
	})
	one := func(path string, answer func(w http.ResponseWriter, id int, m inbox.Mail)) {
		mux.HandleFunc("GET /mails/{id}"+path, func(w http.ResponseWriter, r *http.Request) {
			mails := box.Mails()
			id, err := strconv.Atoi(r.PathValue("id"))
			if err != nil || id < 1 || id > len(mails) {
				http.NotFound(w, r)
				return
			}
			answer(w, id, mails[id-1])
		})
	}
	one("", func(w http.ResponseWriter, id int, m inbox.Mail) { write(w, map[string]any{"Mail": show(id, m)}) })
	one("/html", func(w http.ResponseWriter, id int, m inbox.Mail) {
		// A stranger's page: nothing in it runs, loads or knows where it is.
		w.Header().Set("Content-Security-Policy", "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'; img-src data:")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(show(id, m).HTML))
	})
	one("/raw", func(w http.ResponseWriter, _ int, m inbox.Mail) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write(m.Raw)
	})
	return mux
}

func write(w http.ResponseWriter, what map[string]any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'")
	_ = page.Execute(w, what)
}
