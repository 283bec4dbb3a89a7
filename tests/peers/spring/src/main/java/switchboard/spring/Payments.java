package switchboard.spring;

import com.google.protobuf.DescriptorProtos.DescriptorProto;
import com.google.protobuf.DescriptorProtos.FieldDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.MethodDescriptorProto;
import com.google.protobuf.DescriptorProtos.ServiceDescriptorProto;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.DescriptorValidationException;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.ProtoFileDescriptorSupplier;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.grpc.stub.ServerCalls;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.util.List;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Profile;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** Charges over HTTP and judges risks over gRPC; both fail when told to. */
@Configuration
@Profile("payments")
class Payments implements Main.Commands {
    private static final FileDescriptor FILE = file();

    /** An order's number in, its risk out. */
    static final MethodDescriptor<String, String> CHECK = MethodDescriptor.<String, String>newBuilder()
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName("payments.Risk/Check")
            .setRequestMarshaller(new Text(FILE.findMessageTypeByName("Order")))
            .setResponseMarshaller(new Text(FILE.findMessageTypeByName("Judgement")))
            .build();

    private static volatile boolean chargeFails;
    private static volatile boolean riskFails;

    @Override
    public String obey(List<String> words) {
        if (!words.get(0).equals("fail")) {
            return null;
        }
        chargeFails = words.contains("charge");
        riskFails = words.contains("risk");
        return "ok";
    }

    @Bean
    Grpc grpc() throws IOException {
        return new Grpc();
    }

    @RestController
    @Profile("payments")
    static class Charges {
        @PostMapping("/charge")
        ResponseEntity<String> charge(@RequestParam String order) {
            return chargeFails ? ResponseEntity.status(503).body("no payments today") : ResponseEntity.ok("charged " + order);
        }
    }

    /** The gRPC server. */
    static class Grpc {
        private final Server server;

        Grpc() throws IOException {
            ServiceDescriptor told = ServiceDescriptor.newBuilder("payments.Risk")
                    .setSchemaDescriptor((ProtoFileDescriptorSupplier) () -> FILE)
                    .addMethod(CHECK)
                    .build();
            ServerServiceDefinition risk = ServerServiceDefinition.builder(told)
                    .addMethod(CHECK, ServerCalls.asyncUnaryCall((order, answer) -> {
                        if (riskFails) {
                            answer.onError(Status.UNAVAILABLE.withDescription("no judgement today").asRuntimeException());
                            return;
                        }
                        answer.onNext("low");
                        answer.onCompleted();
                    }))
                    .build();
            server = NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
                    .addService(risk)
                    .addService(ProtoReflectionServiceV1.newInstance())
                    .build()
                    .start();
        }

        int port() {
            return server.getPort();
        }
    }

    /** What its .proto would say: no compiler of protobuf is needed. */
    private static FileDescriptor file() {
        FileDescriptorProto file = FileDescriptorProto.newBuilder()
                .setName("payments.proto")
                .setPackage("payments")
                .setSyntax("proto3")
                .addMessageType(message("Order", "order"))
                .addMessageType(message("Judgement", "risk"))
                .addService(ServiceDescriptorProto.newBuilder()
                        .setName("Risk")
                        .addMethod(MethodDescriptorProto.newBuilder()
                                .setName("Check")
                                .setInputType(".payments.Order")
                                .setOutputType(".payments.Judgement")))
                .build();
        try {
            return FileDescriptor.buildFrom(file, new FileDescriptor[0]);
        } catch (DescriptorValidationException failure) {
            throw new IllegalStateException(failure);
        }
    }

    private static DescriptorProto message(String name, String field) {
        return DescriptorProto.newBuilder()
                .setName(name)
                .addField(FieldDescriptorProto.newBuilder()
                        .setName(field)
                        .setNumber(1)
                        .setType(FieldDescriptorProto.Type.TYPE_STRING)
                        .setLabel(FieldDescriptorProto.Label.LABEL_OPTIONAL))
                .build();
    }

    /** The one field of a message. */
    private static final class Text implements MethodDescriptor.Marshaller<String> {
        private final Descriptor type;

        Text(Descriptor type) {
            this.type = type;
        }

        @Override
        public InputStream stream(String value) {
            return DynamicMessage.newBuilder(type).setField(type.getFields().get(0), value).build().toByteString().newInput();
        }

        @Override
        public String parse(InputStream stream) {
            try {
                return (String) DynamicMessage.parseFrom(type, stream).getField(type.getFields().get(0));
            } catch (IOException failure) {
                throw new UncheckedIOException(failure);
            }
        }
    }
}
