package e2e

import (
	"fmt"
	"testing"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc/codes"
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
