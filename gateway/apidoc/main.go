// Command apidoc makes docs/api from the protos: openapi.json, which the gateway serves, and reference.md. tools/proto.sh runs it.
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

func main() {
	log.SetFlags(0)
	descriptors := flag.String("descriptors", "", "FileDescriptorSet with imports and source info")
	openapi := flag.String("openapi", "", "what protoc-gen-openapiv2 made")
	out := flag.String("out", "", "folder for openapi.json and reference.md")
	flag.Parse()
	if err := run(*descriptors, *openapi, *out); err != nil {
		log.Fatal("apidoc: ", err)
	}
}

func run(descriptors, openapi, out string) error {
	services, err := load(descriptors)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(openapi)
	if err != nil {
		return err
	}
	described, err := describe(raw, services)
	if err != nil {
		return err
	}
	if err = os.WriteFile(filepath.Join(out, "openapi.json"), described, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "reference.md"), []byte(reference(services)), 0o644)
}

// load reads the files of the API, in the order of their names.
func load(path string) ([]protoreflect.FileDescriptor, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	set := new(descriptorpb.FileDescriptorSet)
	if err = proto.Unmarshal(data, set); err != nil {
		return nil, err
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		return nil, err
	}
	var ours []protoreflect.FileDescriptor
	for _, f := range set.GetFile() {
		if f.GetPackage() != "marketing.v1" {
			continue
		}
		d, err := files.FindFileByPath(f.GetName())
		if err != nil {
			return nil, err
		}
		ours = append(ours, d)
	}
	return ours, nil
}
