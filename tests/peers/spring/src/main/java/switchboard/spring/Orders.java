package switchboard.spring;

import io.github.resilience4j.circuitbreaker.CallNotPermittedException;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerRegistry;
import io.github.resilience4j.retry.Retry;
import io.github.resilience4j.retry.RetryRegistry;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.autoconfigure.kafka.KafkaProperties;
import org.springframework.context.annotation.Profile;
import org.springframework.http.ResponseEntity;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** Takes orders: pays for them behind a breaker, asks for the risk over gRPC, and publishes them, once of it in a transaction. */
@RestController
@Profile("orders")
class Orders implements Main.Commands {
    private static final Duration CALL_WITHIN = Duration.ofSeconds(20);

    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(CALL_WITHIN).build();
    private final URI charge;
    private final ManagedChannel risk;
    private final CircuitBreaker breaker;
    private final Retry retry;
    private final KafkaTemplate<String, String> events;
    private final KafkaTemplate<String, String> ledger;
    private final Map<String, Object> openProperties;
    private KafkaProducer<String, String> open;

    Orders(
            @Value("${business.payments}") String payments,
            @Value("${business.risk}") String risk,
            CircuitBreakerRegistry breakers,
            RetryRegistry retries,
            KafkaProperties kafka) {
        charge = URI.create(payments);
        this.risk = NettyChannelBuilder.forTarget(risk).usePlaintext().build();
        breaker = breakers.circuitBreaker("payments");
        retry = retries.retry("payments");
        Map<String, Object> properties = kafka.buildProducerProperties(null);
        events = new KafkaTemplate<>(new DefaultKafkaProducerFactory<>(properties));
        DefaultKafkaProducerFactory<String, String> transactional = new DefaultKafkaProducerFactory<>(properties);
        transactional.setTransactionIdPrefix("orders-ledger-");
        ledger = new KafkaTemplate<>(transactional);
        openProperties = properties;
        Books.write("breaker", "caller", "orders", "name", "payments", "state", "closed", "at_ms", System.currentTimeMillis());
        breaker.getEventPublisher().onStateTransition(event -> Books.write(
                "breaker", "caller", "orders", "name", "payments",
                "state", event.getStateTransition().getToState().name().toLowerCase(),
                "at_ms", event.getCreationTime().toInstant().toEpochMilli()));
    }

    @PostMapping("/orders")
    ResponseEntity<String> place(@RequestParam String order, @RequestParam(defaultValue = "good") String kind) throws Exception {
        String paid = pay(order);
        String judged = judge(order);
        String value = Books.text(Map.of("order", order, "kind", kind));
        send(events, Topics.PLACED, order, value);
        send(events, Topics.INVOICE, order, value);
        boolean aborts = kind.equals("abort");
        try {
            ledger.executeInTransaction(template -> {
                send(template, Topics.LEDGER, order, value);
                if (aborts) {
                    throw new IllegalStateException("order " + order + " is taken back");
                }
                return null;
            });
        } catch (IllegalStateException taken) {
            if (!aborts) {
                throw taken;
            }
        }
        // The broker closes each transaction of one record by one marker.
        Books.write("marker", "channel", Topics.LEDGER, "aborted", aborts);
        Books.call(null, "orders", "http", false, false, "200");
        return ResponseEntity.ok(paid + ", risk " + judged);
    }

    private String pay(String order) {
        AtomicInteger attempts = new AtomicInteger();
        try {
            return retry.executeSupplier(() -> breaker.executeSupplier(() -> charge(order, attempts.incrementAndGet())));
        } catch (CallNotPermittedException refused) {
            Books.write("refused", "breaker", "payments");
            return "to be paid later";
        } catch (IllegalStateException failed) {
            return "to be paid later";
        }
    }

    private String charge(String order, int attempt) {
        HttpRequest request = HttpRequest.newBuilder(charge.resolve("/charge?order=" + order))
                .timeout(CALL_WITHIN)
                .POST(HttpRequest.BodyPublishers.noBody())
                .build();
        int status;
        try {
            status = http.send(request, HttpResponse.BodyHandlers.ofString()).statusCode();
        } catch (Exception failure) {
            Books.call("orders", "payments", "http", true, attempt > 1, failure.getClass().getName());
            throw new IllegalStateException("payments cannot be reached", failure);
        }
        Books.call("orders", "payments", "http", status >= 400, attempt > 1, Integer.toString(status));
        if (status >= 400) {
            throw new IllegalStateException("payments answered " + status);
        }
        return "paid";
    }

    private String judge(String order) {
        try {
            CallOptions options = CallOptions.DEFAULT.withDeadlineAfter(CALL_WITHIN.toSeconds(), TimeUnit.SECONDS);
            String judged = ClientCalls.blockingUnaryCall(risk.newCall(Payments.CHECK, options), order);
            Books.call("orders", "payments", "grpc", false, false, "OK");
            return judged;
        } catch (StatusRuntimeException failure) {
            Books.call("orders", "payments", "grpc", true, false, failure.getStatus().getCode().name());
            return "unknown";
        }
    }

    private static void send(org.springframework.kafka.core.KafkaOperations<String, String> template, String topic, String key, String value) {
        template.send(topic, key, value).join();
        Books.record(topic);
    }

    /** `open KEY` writes one record in a transaction that stays open until `close commit` or `close abort`. */
    @Override
    public String obey(List<String> words) throws Exception {
        switch (words.get(0)) {
            case "open":
                Map<String, Object> properties = new java.util.HashMap<>(openProperties);
                properties.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, "orders-open");
                properties.put(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, 300_000);
                open = new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
                open.initTransactions();
                open.beginTransaction();
                open.send(new ProducerRecord<>(Topics.LEDGER, words.get(1), Books.text(Map.of("order", words.get(1), "kind", "good")))).get();
                Books.record(Topics.LEDGER);
                return "ok";
            case "close":
                boolean aborts = words.get(1).equals("abort");
                if (aborts) {
                    open.abortTransaction();
                } else {
                    open.commitTransaction();
                }
                open.close();
                Books.write("marker", "channel", Topics.LEDGER, "aborted", aborts);
                return "ok";
            default:
                return null;
        }
    }
}
