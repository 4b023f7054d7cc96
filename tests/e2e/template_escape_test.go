package e2e

import (
	"html/template"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"unicode"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"golang.org/x/net/html"
	"google.golang.org/grpc/codes"
)

// hostile are values that break out of something somewhere.
var hostile = []string{
	"plain", "{{7*7}}", "{{full_name}}", "{{{full_name}}}", "{{#company}}", "${7*7}", "#{7*7}", "<%= 7*7 %>", "{% if 1 %}", "}}", "%s%n%x",
	"<script>alert(1)</script>", "</title><script>alert(1)</script>", "</textarea><img src=x onerror=alert(1)>", "\"><svg onload=alert(1)>", "' onmouseover='x",
	"--><img src=x>", "<!--", "]]>", "<![CDATA[x", "&lt;b&gt;", "&#60;b&#x3e;", "&amp", "a+b=c", "`x`", "a\\'b", "<b", "<", ">", "&", "\"", "'",
	"javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\tscript:alert(1)", "java\nscript:alert(1)", "\x01javascript:alert(1)",
	"&#106;avascript:alert(1)", "javascript&colon;alert(1)", "javascript%3aalert(1)", "data:text/html,<script>1</script>", "DATA:text/html;base64,PHNjcmlwdD4=",
	"vbscript:msgbox(1)", "file:///etc/passwd", "blob:x", "//evil.example", "\\\\evil.example", "/relative", "?query", "#fragment", ":", "https:", "http:/x", "https:evil.example",
	"https://ok.example/?a=b&c=d#e", "HTTPS://ok.example/'\"><", "http://ok.example/%2f%zz%", "mailto:ann@example.com?subject=a b", "https://ok.example/\r\nSet-Cookie: a",
	"a\r\nBcc: all@example.com", "a\nb", "a\rb", "a\u0085b", "a\u2028b\u2029c", "\x7f\x1f", "\u00a0", "\ufeffx", "\u202egnp.exe", "\ufffe\uffff", "\ufdd0", "e\u0301", "\U0001f600\u200d\U0001f525",
	"+ADw-script+AD4-", "\u2039script\u203a", "\uff1cscript\uff1e", "a%0d%0aBcc: x", "%0a", "=?utf-8?q?x?=", strings.Repeat("<", 64), strings.Repeat("\"'", 32),
}

// places are the contexts in which HTML takes a value, which stands for {{.}}; a whole URL apart.
var places = []string{
	"<p>{{.}}</p>", "a &lt; b {{.}} > c", "<title>{{.}}</title>", "<textarea>\n{{.}}</textarea>", `<p title="{{.}}">`, `<p title='{{.}}'>`, `<P TITLE = "a {{.}} b" class=x>`,
	`<img alt="{{.}}" src="https://ok.example/">`, `<td bgcolor='{{.}}'>`, `<a href="https://ok.example/{{.}}">`, `<a href='https://{{.}}/x'>`, `<a href="HTTP://ok.example/{{.}}/?b">`,
	`<a href="https://ok.example/?q={{.}}">`, `<a href='https://ok.example/?q=a&amp;r={{.}}#x'>`, `<a href="https://ok.example/#{{.}}">`, `<a href="mailto:{{.}}">`,
	`<a href="mailto:a@b.example?subject={{.}}">`, `<blockquote cite="https://ok.example/{{.}}">`, `<style>p > a { color: red }</style>{{.}}`,
}

const wholeURL = `<a href="{{.}}">`

var allowedURL = regexp.MustCompile(`(?i)^(https?://|mailto:)`)

// byGo is what Go's html/template makes of a value in a place.
func byGo(t testing.TB, place, value string) string {
	t.Helper()
	var out strings.Builder
	want.OK(t, template.Must(template.New("").Parse(place)).Execute(&out, value))
	return out.String()
}

// pageByGo is the page of all places around a value.
func pageByGo(t testing.TB, value string) string {
	t.Helper()
	var all strings.Builder
	for _, place := range places {
		all.WriteString(byGo(t, place, value))
	}
	if allowedURL.MatchString(value) {
		all.WriteString(byGo(t, wholeURL, value))
	} else { // Go has another constant, and lets relative URLs pass
		all.WriteString(`<a href="about:invalid#blocked">`)
	}
	return all.String()
}

// everywhere is a template that shows a field in every place there is.
func everywhere(field string) *pb.Template {
	page := strings.ReplaceAll(strings.Join(places, "")+wholeURL, "{{.}}", "{{"+field+"}}")
	return &pb.Template{Purpose: "transactional", DefaultLocale: "en", Fields: []*pb.TemplateField{{Path: field, Required: true}},
		Contents: []*pb.TemplateContent{{Locale: "en", Medium: pb.Medium_MEDIUM_EMAIL, Subject: "[{{" + field + "}}]", Text: "[{{" + field + "}}]", Html: page}}}
}

func (s *story) render(t *pb.Template, lead *pb.Lead) *pb.RenderTemplateResponse {
	s.Helper()
	r, err := s.h.Engage().RenderTemplate(s.ctx, &pb.RenderTemplateRequest{Template: t, SampleLead: lead, Medium: pb.Medium_MEDIUM_EMAIL})
	want.OK(s, err)
	return r
}

func (s *story) isHarmless(r *pb.RenderTemplateResponse, value string) {
	s.Helper()
	want.Equal(s, "html", r.Html, pageByGo(s, value))
	want.Equal(s, "text", r.Text, "["+value+"]")
	for _, c := range r.Subject {
		want.True(s, !unicode.IsControl(c) && c != '\u2028' && c != '\u2029', "the subject %q has %q in it", r.Subject, c)
	}
	fold := regexp.MustCompile("[\\x00-\\x1f\\x7f\u0080-\u009f\u2028\u2029]+")
	want.Equal(s, "subject", r.Subject, "["+fold.ReplaceAllString(value, " ")+"]")
}

// shuffled is a value of pieces of what is hostile.
func shuffled(random *rand.Rand) string {
	const marks = "<>\"'`=&;:/\\?#%+-!()[]{}$ \t\r\nabzAZ09\u00e9\u20ac\u2028\U0001f600"
	runes := []rune(marks)
	var v strings.Builder
	for range 1 + random.IntN(12) {
		if random.IntN(8) == 0 {
			v.WriteString(hostile[random.IntN(len(hostile))])
		} else {
			v.WriteRune(runes[random.IntN(len(runes))])
		}
	}
	return v.String()
}

// What a lead says of itself is never run, ends no place and starts no header: byte for byte what Go's html/template makes of it.
func TestValuesAreEscapedAsGoEscapesThem(t *testing.T) {
	tell(t, func(s *story) {
		words := everywhere("attributes.v")
		random := rand.New(rand.NewPCG(1, 2))
		values := append([]string{}, hostile...)
		for range 1000 {
			values = append(values, shuffled(random))
		}
		for _, v := range values {
			s.isHarmless(s.render(words, &pb.Lead{Attributes: map[string]string{"v": v}}), v)
		}
	})
}

func TestEveryFieldOfALeadIsData(t *testing.T) {
	tell(t, func(s *story) {
		fields := map[string]func(*pb.Lead, string){
			"full_name": func(l *pb.Lead, v string) { l.FullName = v }, "company": func(l *pb.Lead, v string) { l.Company = v },
			"job_title": func(l *pb.Lead, v string) { l.JobTitle = v }, "source": func(l *pb.Lead, v string) { l.Source = v },
			"time_zone": func(l *pb.Lead, v string) { l.TimeZone = v }, "external_id": func(l *pb.Lead, v string) { l.ExternalId = v },
		}
		for field, set := range fields {
			words := everywhere(field)
			for _, v := range hostile {
				lead := &pb.Lead{}
				set(lead, v)
				s.isHarmless(s.render(words, lead), v)
			}
		}
		mail := &pb.Lead{Email: `"<b>'&+"@evil.example`}
		s.isHarmless(s.render(everywhere("email"), mail), mail.Email)
	})
}

// pieces of pages, sound and unsound, that a random page is made of.
var pieces = []string{
	"{{full_name}}", "{{full_name}}", "{{full_name}}", "{{full_name}}", "{{#company}}", "{{^company}}", "{{/}}", "{{! c }}", "<p>", "</p>", "<p title='", `<p title="`, "<a href='", `<a href="`, "<a href=",
	"<td bgcolor=x ", " class='", ` alt="`, "'>", `">`, "'", `"`, ">", "/>", "<", "</", "=", " ", "\n", "https://a.example/", "?b=", "#", "mailto:", "x", "&", "<!--", "-->", "--!>", "<!-->",
	"<!--->", "--", "-", "<!", "<?", "<!doctype html>", "<title>", "</title>", "</title ", "<textarea>", "</textarea>", "<style>", "</style>", "<STYLE", "<b/", "<br>", "</b x='y'>", "a < b",
}

// skeleton is what a parser of HTML sees of a page: its tokens without what data may change.
func skeleton(page string) string {
	var all strings.Builder
	for z := html.NewTokenizer(strings.NewReader(page)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			return all.String()
		}
		if t := z.Token(); kind != html.TextToken {
			all.WriteString(kind.String() + " " + t.Data)
			for _, a := range t.Attr {
				all.WriteString(" " + a.Key)
			}
			all.WriteByte('\n')
		}
	}
}

// In whatever page is taken, no value of a lead changes what a parser of HTML, which is not ours, sees beside the value.
func TestNoValueChangesAPage(t *testing.T) {
	tell(t, func(s *story) {
		random := rand.New(rand.NewPCG(3, 4))
		taken := 0
		for range 8000 {
			var page string
			for range 2 + random.IntN(9) {
				page += pieces[random.IntN(len(pieces))]
			}
			if !strings.Contains(page, "{{full_name}}") {
				continue
			}
			words := &pb.Template{Purpose: "transactional", DefaultLocale: "en", Fields: []*pb.TemplateField{{Path: "full_name", Required: true}},
				Contents: []*pb.TemplateContent{{Locale: "en", Medium: pb.Medium_MEDIUM_EMAIL, Subject: "s", Html: page}}}
			ask := &pb.RenderTemplateRequest{Template: words, Medium: pb.Medium_MEDIUM_EMAIL, SampleLead: &pb.Lead{FullName: "calm", Company: "calm"}}
			calm, err := s.h.Engage().RenderTemplate(s.ctx, ask)
			if err != nil {
				want.Error(s, err, codes.InvalidArgument, "TEMPLATE_INVALID")
				continue
			}
			taken++
			for range 4 {
				ask.SampleLead = &pb.Lead{FullName: hostile[random.IntN(len(hostile))] + "'\"<>", Company: "calm"}
				wild, err := s.h.Engage().RenderTemplate(s.ctx, ask)
				want.OK(s, err)
				want.Equal(s, "skeleton of "+page+" => "+wild.Html, skeleton(wild.Html), skeleton(calm.Html))
			}
		}
		s.Logf("%d pages were taken", taken)
		want.True(s, taken > 200, "only %d pages were taken", taken)
	})
}
