package main

import (
	"log"

	v1reflection "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// Services that are listed beside the whole ones, and whose descriptors are broken; of the last nothing is told at all.
var brokenServices = []string{"broken.v1.Garbled", "broken.v1.Wanting", "broken.v1.Circular", "broken.v1.Dangling", "broken.v1.Absent"}

// brokenFiles are the files that are told of a service or under a name.
var brokenFiles = map[string][][]byte{
	// A string that is longer than what is there.
	"broken.v1.Garbled": {{0x0a, 0x7f, 'b'}},
	// Its import is nowhere.
	"broken.v1.Wanting": {brokenFile("wanting", "broken/nowhere.proto")},
	// Each imports the other.
	"broken.v1.Circular": {brokenFile("circular", "broken/back.proto")},
	"broken/back.proto":  {brokenFile("back", "broken/circular.proto")},
	// What its method takes is in no file that it imports.
	"broken.v1.Dangling": {brokenFile("dangling")},
}

// brokenFile is a file with a service of its name, whose method takes what no file has.
func brokenFile(name string, imports ...string) []byte {
	service := string(name[0]-'a'+'A') + name[1:]
	file, err := proto.Marshal(&descriptorpb.FileDescriptorProto{
		Name:       proto.String("broken/" + name + ".proto"),
		Package:    proto.String("broken.v1"),
		Syntax:     proto.String("proto3"),
		Dependency: imports,
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: proto.String(service),
			Method: []*descriptorpb.MethodDescriptorProto{{
				Name:       proto.String("Ask"),
				InputType:  proto.String(".broken.v1.Nowhere"),
				OutputType: proto.String(".broken.v1.Nowhere"),
			}},
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	return file
}

// brokenReflection tells what grpc-go tells, and broken files beside it.
type brokenReflection struct {
	v1reflection.ServerReflectionServer
}

func (whole brokenReflection) ServerReflectionInfo(stream v1reflection.ServerReflection_ServerReflectionInfoServer) error {
	return whole.ServerReflectionServer.ServerReflectionInfo(brokenStream{stream})
}

type brokenStream struct {
	v1reflection.ServerReflection_ServerReflectionInfoServer
}

func (stream brokenStream) Recv() (*v1reflection.ServerReflectionRequest, error) {
	for {
		request, err := stream.ServerReflection_ServerReflectionInfoServer.Recv()
		if err != nil {
			return nil, err
		}
		files, isBroken := brokenFiles[request.GetFileContainingSymbol()+request.GetFileByFilename()]
		if !isBroken {
			return request, nil
		}
		told := &v1reflection.ServerReflectionResponse_FileDescriptorResponse{
			FileDescriptorResponse: &v1reflection.FileDescriptorResponse{FileDescriptorProto: files},
		}
		response := &v1reflection.ServerReflectionResponse{OriginalRequest: request, MessageResponse: told}
		if err := stream.ServerReflection_ServerReflectionInfoServer.Send(response); err != nil {
			return nil, err
		}
	}
}

func (stream brokenStream) Send(response *v1reflection.ServerReflectionResponse) error {
	if list := response.GetListServicesResponse(); list != nil {
		for _, name := range brokenServices {
			list.Service = append(list.Service, &v1reflection.ServiceResponse{Name: name})
		}
	}
	return stream.ServerReflection_ServerReflectionInfoServer.Send(response)
}
