package main

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net"
	"sort"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	v1reflection "google.golang.org/grpc/reflection/grpc_reflection_v1"
	v1alphareflection "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"switchboard/peers/peersv1"
)

// serveGrpc serves the shop once for each way in which a server can tell of itself, and once over TLS.
func serveGrpc(listen func(string) net.Listener, certificate tls.Certificate) {
	serve := func(name string, tells func(*grpc.Server), options ...grpc.ServerOption) {
		server := grpc.NewServer(append(options, grpc.StatsHandler(encodings{}))...)
		peersv1.RegisterShopServer(server, &shop{})
		tells(server)
		listener := listen(name)
		go func() { log.Fatal(server.Serve(listener)) }()
	}
	serve("grpc_v1", func(server *grpc.Server) {
		v1reflection.RegisterServerReflectionServer(server, reflection.NewServerV1(reflection.ServerOptions{Services: server}))
	})
	serve("grpc_v1alpha", func(server *grpc.Server) {
		v1alphareflection.RegisterServerReflectionServer(server, reflection.NewServer(reflection.ServerOptions{Services: server}))
	})
	serve("grpc_broken", func(server *grpc.Server) {
		whole := reflection.NewServerV1(reflection.ServerOptions{Services: server})
		v1reflection.RegisterServerReflectionServer(server, brokenReflection{whole})
	})
	serve("grpc_silent", func(*grpc.Server) {})
	serve("grpc_tls", func(server *grpc.Server) { reflection.Register(server) }, grpc.Creds(credentials.NewServerTLSFromCert(&certificate)))
}

type encodingKey struct{}

// encodings notes how a call's messages are compressed, which no handler is told.
type encodings struct{}

func (encodings) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, encodingKey{}, new(string))
}

func (encodings) HandleRPC(ctx context.Context, seen stats.RPCStats) {
	if header, ok := seen.(*stats.InHeader); ok {
		*ctx.Value(encodingKey{}).(*string) = header.Compression
	}
}

func (encodings) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (encodings) HandleConn(context.Context, stats.ConnStats)                       {}

type shop struct {
	peersv1.UnimplementedShopServer
}

// told is what is seen of a call and its message.
func told(ctx context.Context, message proto.Message, number int) (*peersv1.Told, error) {
	json, err := protojson.Marshal(message)
	if err != nil {
		return nil, status.Errorf(codes.Internal, "not to be written as JSON: %v", err)
	}
	told := &peersv1.Told{Json: string(json), Number: int32(number), Encoding: *ctx.Value(encodingKey{}).(*string)}
	if everything, ok := message.(*peersv1.Everything); ok {
		told.Seen = everything
	}
	if deadline, ok := ctx.Deadline(); ok {
		told.DeadlineMs = time.Until(deadline).Milliseconds() + 1
	}
	came, _ := metadata.FromIncomingContext(ctx)
	for name, values := range came {
		for _, value := range values {
			if strings.HasSuffix(name, "-bin") {
				value = base64.StdEncoding.EncodeToString([]byte(value))
			}
			told.Metadata = append(told.Metadata, name+": "+value)
		}
	}
	sort.Strings(told.Metadata)
	return told, nil
}

// ends sets what comes before and after the messages.
func ends(ctx context.Context) error {
	if err := grpc.SetHeader(ctx, metadata.Pairs("served-by", "go")); err != nil {
		return err
	}
	return grpc.SetTrailer(ctx, metadata.Pairs("cost", "1", "cost", "2", "proof-bin", "\x00\xff\x10"))
}

func (*shop) Echo(ctx context.Context, message *peersv1.Everything) (*peersv1.Told, error) {
	if err := ends(ctx); err != nil {
		return nil, err
	}
	told, err := told(ctx, message, 1)
	if err != nil || message.GetText() != "boxed" {
		return told, err
	}
	// What only the answer holds: of a type that no service names, and of one that nobody knows.
	hidden, err := anypb.New(&peersv1.Hidden{SecretIngredient: "salt", Grams: 3})
	told.Seen.Any = hidden
	told.Seen.Several = []*anypb.Any{{TypeUrl: "type.googleapis.com/peers.v1.Nowhere", Value: []byte{8, 1}}}
	return told, err
}

func (*shop) Collect(stream peersv1.Shop_CollectServer) error {
	var all []string
	last := &peersv1.Everything{}
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		all = append(all, message.GetText())
		last = message
	}
	if err := ends(stream.Context()); err != nil {
		return err
	}
	told, err := told(stream.Context(), last, len(all))
	if err != nil {
		return err
	}
	told.Payload = []byte(strings.Join(all, ","))
	return stream.SendAndClose(told)
}

func (*shop) Count(request *peersv1.CountRequest, stream peersv1.Shop_CountServer) error {
	if err := ends(stream.Context()); err != nil {
		return err
	}
	for number := 1; number <= int(request.GetTo()); number++ {
		told, err := told(stream.Context(), request, number)
		if err != nil {
			return err
		}
		told.Payload = make([]byte, request.GetPayloadBytes())
		if err := stream.Send(told); err != nil {
			return err
		}
		if number == int(request.GetFailAfter()) {
			return status.Errorf(codes.DataLoss, "lost after %d, 100%% sure: ü", number)
		}
	}
	return nil
}

func (*shop) Chat(stream peersv1.Shop_ChatServer) error {
	if err := ends(stream.Context()); err != nil {
		return err
	}
	for number := 1; ; number++ {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		told, err := told(stream.Context(), message, number)
		if err != nil {
			return err
		}
		if err := stream.Send(told); err != nil {
			return err
		}
	}
}

func (*shop) Fail(ctx context.Context, request *peersv1.FailRequest) (*peersv1.Told, error) {
	if err := ends(ctx); err != nil {
		return nil, err
	}
	failure := status.New(codes.Code(request.GetCode()), request.GetMessage()).Proto()
	add := func(detail proto.Message) error {
		packed, err := anypb.New(detail)
		if err == nil {
			failure.Details = append(failure.Details, packed)
		}
		return err
	}
	for _, kind := range request.GetDetails() {
		var err error
		switch kind {
		case "standard":
			err = firstOf(
				add(&errdetails.ErrorInfo{Reason: "OUT_OF_STOCK", Domain: "shop.example", Metadata: map[string]string{"sku": "A-1"}}),
				add(&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "quantity", Description: "more than there are"}}}),
				add(&errdetails.RetryInfo{RetryDelay: durationpb.New(1500 * time.Millisecond)}),
			)
		case "own":
			err = add(&peersv1.Item{Sku: "A-1", Quantity: 3})
		case "unknown":
			err = add(&peersv1.Hidden{SecretIngredient: "salt", Grams: 3})
		case "broken":
			failure.Details = append(failure.Details, &anypb.Any{TypeUrl: "type.googleapis.com/google.rpc.ErrorInfo", Value: []byte{0xff}})
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, status.FromProto(failure).Err()
}

func (*shop) Wait(ctx context.Context, _ *emptypb.Empty) (*peersv1.Told, error) {
	<-ctx.Done()
	return nil, status.FromContextError(ctx.Err()).Err()
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
