package main

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/marketing-agents/marketing/tools/mailbox/inbox"
)

//go:embed page.html
var source string

var page = template.Must(template.New("page").Parse(source))

// shown is a mail as the page and the list in JSON have it.
type shown struct {
	ID      int    `json:"id"`
	Time    string `json:"time"`
	To      string `json:"to"`
	From    string `json:"from"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	HTML    string `json:"html"`
}

func show(m inbox.Mail) shown {
	words, err := m.Read()
	if err != nil {
		words.Text = "cannot be read: " + err.Error()
	}
	return shown{m.ID, m.Time.UTC().Format(time.RFC3339), m.To, words.From, words.Subject, words.Text, words.HTML}
}

// newest is all mails, the last one first.
func newest(box *inbox.Box) []shown {
	all := []shown{}
	for _, m := range slices.Backward(box.Mails()) {
		all = append(all, show(m))
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
	one := func(path string, answer func(w http.ResponseWriter, m inbox.Mail)) {
		mux.HandleFunc("GET /mails/{id}"+path, func(w http.ResponseWriter, r *http.Request) {
			mails := box.Mails()
			i := slices.IndexFunc(mails, func(m inbox.Mail) bool { return strconv.Itoa(m.ID) == r.PathValue("id") })
			if i < 0 {
				http.NotFound(w, r)
				return
			}
			answer(w, mails[i])
		})
	}
	one("", func(w http.ResponseWriter, m inbox.Mail) { write(w, map[string]any{"Mail": show(m)}) })
	one("/html", func(w http.ResponseWriter, m inbox.Mail) {
		// A stranger's page: nothing in it runs, loads or knows where it is.
		w.Header().Set("Content-Security-Policy", "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'; img-src data:")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(show(m).HTML))
	})
	one("/raw", func(w http.ResponseWriter, m inbox.Mail) {
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
