package switchboard.spring;

import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCalls;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
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
    /** Text in, text out. */
    static final MethodDescriptor<String, String> CHECK = MethodDescriptor.<String, String>newBuilder()
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName("payments.Risk/Check")
            .setRequestMarshaller(new Text())
            .setResponseMarshaller(new Text())
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
            ServerServiceDefinition risk = ServerServiceDefinition.builder("payments.Risk")
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
                    .build()
                    .start();
        }

        int port() {
            return server.getPort();
        }
    }

    /** UTF-8. */
    private static final class Text implements MethodDescriptor.Marshaller<String> {
        @Override
        public InputStream stream(String value) {
            return new ByteArrayInputStream(value.getBytes(StandardCharsets.UTF_8));
        }

        @Override
        public String parse(InputStream stream) {
            try {
                return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
            } catch (IOException failure) {
                throw new UncheckedIOException(failure);
            }
        }
    }
}
