package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// plain is a template of one text message.
func plain(text string) *pb.Template {
	return &pb.Template{DisplayName: "plain", Purpose: "transactional", DefaultLocale: "en",
		Contents: []*pb.TemplateContent{{Locale: "en", Medium: pb.Medium_MEDIUM_SMS, Text: text}}}
}

func (s *story) createTemplate(id string, t *pb.Template) *pb.Template {
	s.Helper()
	made, err := s.h.Engage().CreateTemplate(s.ctx, &pb.CreateTemplateRequest{TemplateId: id, Template: t})
	want.OK(s, err)
	want.Equal(s, "name", made.Name, "templates/"+id)
	return made
}

func (s *story) publishTemplate(name string, version int64) *pb.Template {
	s.Helper()
	t, err := s.h.Engage().PublishTemplate(s.ctx, &pb.PublishTemplateRequest{Name: name, Version: version})
	want.OK(s, err)
	want.Equal(s, "state", t.State, pb.Template_STATE_PUBLISHED)
	return t
}

func (s *story) templateAt(name string, version int64) *pb.Template {
	s.Helper()
	t, err := s.h.Engage().GetTemplate(s.ctx, &pb.GetTemplateRequest{Name: name, Version: version})
	want.OK(s, err)
	return t
}

func TestATemplateIsDraftedPublishedPutBackAndDeleted(t *testing.T) {
	tell(t, func(s *story) {
		first := s.createTemplate("hello", plain("one"))
		want.True(s, first.Version == 1 && first.State == pb.Template_STATE_DRAFT && first.CreateTime != nil, "draft: %v", first)
		s.createTemplate("hello", plain("two"))
		s.publishTemplate(first.Name, 1)
		want.Equal(s, "version in service", s.templateAt(first.Name, 0).Version, 1)
		s.publishTemplate(first.Name, 0)
		want.Equal(s, "text in service", s.templateAt(first.Name, 0).Contents[0].Text, "two")
		want.Equal(s, "state of version 1", s.templateAt(first.Name, 1).State, pb.Template_STATE_RETIRED)
		want.OK(s, s.h.Restart())
		s.publishTemplate(first.Name, 1)
		want.True(s, proto.Equal(s.templateAt(first.Name, 0), s.templateAt(first.Name, 1)), "version 1 is in service again")

		_, err := s.h.Engage().DeleteTemplate(s.ctx, &pb.DeleteTemplateRequest{Name: first.Name})
		want.OK(s, err)
		_, err = s.h.Engage().GetTemplate(s.ctx, &pb.GetTemplateRequest{Name: first.Name, Version: 1})
		want.Error(s, err, codes.NotFound, "TEMPLATE_NOT_FOUND")
		want.Equal(s, "version of a new one of that id", s.createTemplate("hello", plain("three")).Version, 3)
	})
}

func TestTemplatesAreListedInPages(t *testing.T) {
	tell(t, func(s *story) {
		for i := range 7 {
			s.createTemplate(fmt.Sprint("t", i%3), plain("x"))
		}
		var seen []string
		for token := ""; ; {
			page, err := s.h.Engage().ListTemplates(s.ctx, &pb.ListTemplatesRequest{PageSize: 3, PageToken: token})
			want.OK(s, err)
			for _, t := range page.Templates {
				seen = append(seen, fmt.Sprint(t.Name[len("templates/"):], t.Version, t.Contents[0].Text))
			}
			if token = page.NextPageToken; token == "" {
				break
			}
		}
		want.Equal(s, "templates", fmt.Sprint(seen), "[t01 t02 t03 t11 t12 t21 t22]")
	})
}

// welcome is a whole template: two locales of a mail, and a short message.
func welcome() *pb.Template {
	body := `<p>Hello{{#full_name}} {{full_name}}{{/full_name}}, {{attributes.plan}} since {{attributes.since}}.</p><a href="{{unsubscribe_url}}">No more</a>`
	return &pb.Template{DisplayName: "Welcome", Purpose: "marketing", DefaultLocale: "en", Fields: []*pb.TemplateField{
		{Path: "attributes.plan", DefaultValue: "free"},
		{Path: "attributes.since", Type: pb.TemplateField_TYPE_DATE, DateFormat: pb.TemplateField_DATE_FORMAT_ENGLISH, Required: true},
	}, Contents: []*pb.TemplateContent{
		{Locale: "en", Medium: pb.Medium_MEDIUM_EMAIL, Subject: "Welcome{{#full_name}}, {{full_name}}{{/full_name}}", Html: body, Text: "Hello.\n{{unsubscribe_url}}"},
		{Locale: "de", Medium: pb.Medium_MEDIUM_EMAIL, Subject: "Willkommen", Text: "Hallo.\n{{unsubscribe_url}}"},
		{Locale: "en", Medium: pb.Medium_MEDIUM_SMS, Text: "Hello from {{sender.name}}"},
	}}
}

func TestATemplateIsRenderedForALead(t *testing.T) {
	tell(t, func(s *story) {
		s.createTemplate("welcome", welcome())
		lead := s.create(&pb.Lead{FullName: "Ann <b>", Email: "ann@words.example", Attributes: map[string]string{"since": "2026-03-01"}})
		ask := &pb.RenderTemplateRequest{Name: "templates/welcome", Lead: lead.Name, Medium: pb.Medium_MEDIUM_EMAIL, Locale: "fr"}
		r, err := s.h.Engage().RenderTemplate(s.ctx, ask)
		want.OK(s, err)
		want.Equal(s, "subject", r.Subject, "Welcome, Ann <b>")
		want.Equal(s, "html", r.Html, `<p>Hello Ann &lt;b&gt;, free since 1 March 2026.</p><a href="https://example.com/unsubscribe">No more</a>`)
		want.True(s, r.Locale == "en" && r.Version == 1, "of %v", r)
		ask.Locale = "de-AT"
		r, err = s.h.Engage().RenderTemplate(s.ctx, ask)
		want.OK(s, err)
		want.True(s, r.Locale == "de" && r.Html == "" && r.Text == "Hallo.\nhttps://example.com/unsubscribe", "in German: %v", r)

		ask.Medium = pb.Medium_MEDIUM_CHAT
		_, err = s.h.Engage().RenderTemplate(s.ctx, ask)
		want.Error(s, err, codes.FailedPrecondition, "TEMPLATE_MEDIUM_MISSING")
		ask.Medium = pb.Medium_MEDIUM_SMS
		_, err = s.h.Engage().RenderTemplate(s.ctx, ask)
		want.OK(s, err)
		ask.Lead = s.create(&pb.Lead{Attributes: map[string]string{"since": "soon"}}).Name
		_, err = s.h.Engage().RenderTemplate(s.ctx, ask)
		want.Error(s, err, codes.FailedPrecondition, "TEMPLATE_VALUE_INVALID")
		ask.Lead = s.create(&pb.Lead{FullName: "Bob", ExternalId: "bob"}).Name
		_, err = s.h.Engage().RenderTemplate(s.ctx, ask)
		want.Error(s, err, codes.FailedPrecondition, "TEMPLATE_VALUE_MISSING")
		ask.Lead = "leads/none"
		_, err = s.h.Engage().RenderTemplate(s.ctx, ask)
		want.Error(s, err, codes.NotFound, "LEAD_NOT_FOUND")
	})
}

func TestAnUnsoundTemplateIsRefusedWithThePlace(t *testing.T) {
	tell(t, func(s *story) {
		for field, change := range map[string]func(t *pb.Template){
			"template.contents[0].html":    func(t *pb.Template) { t.Contents[0].Html += "\n<p {{full_name}}>" },
			"template.contents[0].text":    func(t *pb.Template) { t.Contents[0].Text = "no way out" },
			"template.contents[1].subject": func(t *pb.Template) { t.Contents[1].Subject = "a\nb" },
			"template.contents[2].text":    func(t *pb.Template) { t.Contents[2].Text = "{{nope}}" },
			"template.fields[1]":           func(t *pb.Template) { t.Fields[1].DefaultValue = "soon" },
			"template.default_locale":      func(t *pb.Template) { t.DefaultLocale = "de" },
			"template.purpose":             func(t *pb.Template) { t.Purpose = "" },
		} {
			unsound := welcome()
			change(unsound)
			for _, validate := range []bool{true, false} {
				_, err := s.h.Engage().CreateTemplate(s.ctx, &pb.CreateTemplateRequest{TemplateId: "unsound", Template: unsound, ValidateOnly: validate})
				want.Violation(s, err, "TEMPLATE_INVALID", field)
			}
		}
		bad := welcome()
		bad.Contents[0].Html = "<p>\n  <b title={{full_name}}></p>"
		_, err := s.h.Engage().CreateTemplate(s.ctx, &pb.CreateTemplateRequest{TemplateId: "unsound", Template: bad})
		want.Equal(s, "description", want.Violations(err)[0].Description, "line 2, column 12: no data may stand in an attribute without quotes")
		_, err = s.h.Engage().GetTemplate(s.ctx, &pb.GetTemplateRequest{Name: "templates/unsound"})
		want.Error(s, err, codes.NotFound, "TEMPLATE_NOT_FOUND")
	})
}

// The whole example of docs/templates.md says what it says there.
func TestTheExampleOfTheManualIsTrue(t *testing.T) {
	root, err := house.Root()
	want.OK(t, err)
	manual, err := os.ReadFile(filepath.Join(root, "docs", "templates.md"))
	want.OK(t, err)
	blocks := regexp.MustCompile("(?s)```[^\\n]*\\n(?:POST [^\\n]*\\n)?(\\{.*?)```").FindAllSubmatch(manual, -1)
	want.Equal(t, "blocks of JSON", len(blocks), 3)
	create, ask, said := &pb.CreateTemplateRequest{}, &pb.RenderTemplateRequest{}, &pb.RenderTemplateResponse{}
	for i, into := range []proto.Message{create, ask, said} {
		want.OK(t, protojson.Unmarshal(blocks[i][1], into))
	}
	tell(t, func(s *story) {
		s.createTemplate(create.TemplateId, create.Template)
		s.publishTemplate(ask.Name, 0)
		r, err := s.h.Engage().RenderTemplate(s.ctx, ask)
		want.OK(s, err)
		want.True(s, proto.Equal(r, said), "it says %v, not %v", r, said)
	})
}
