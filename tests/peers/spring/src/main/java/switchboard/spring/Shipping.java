package switchboard.spring;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.springframework.boot.autoconfigure.kafka.KafkaProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Profile;
import org.springframework.kafka.annotation.DltHandler;
import org.springframework.kafka.annotation.EnableKafkaRetryTopic;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.annotation.RetryableTopic;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.DeadLetterPublishingRecoverer;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.RetryListener;
import org.springframework.kafka.retrytopic.RetryTopicHeaders;
import org.springframework.kafka.retrytopic.SameIntervalTopicReuseStrategy;
import org.springframework.messaging.handler.annotation.Header;
import org.springframework.retry.annotation.Backoff;
import org.springframework.scheduling.TaskScheduler;
import org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler;
import org.springframework.stereotype.Component;
import org.springframework.util.backoff.FixedBackOff;

/** Ships, writes invoices and keeps the ledger: three ways in which Spring reads Kafka. */
@Configuration
@EnableKafkaRetryTopic
@Profile("shipping")
class Shipping {
    static final int ATTEMPTS = 3;

    /** Tried three times in place, then to the dead letters. */
    @Bean
    ConcurrentKafkaListenerContainerFactory<String, String> shippingFactory(KafkaProperties kafka, KafkaTemplate<String, String> template) {
        DefaultErrorHandler handler = new DefaultErrorHandler(new DeadLetterPublishingRecoverer(template), new FixedBackOff(100, ATTEMPTS - 1));
        handler.setRetryListeners(new RetryListener() {
            @Override
            public void failedDelivery(ConsumerRecord<?, ?> record, Exception failure, int attempt) {}

            @Override
            public void recovered(ConsumerRecord<?, ?> record, Exception failure) {
                Books.record(Topics.PLACED_DEAD);
                Books.write("dead letter", "channel", Topics.PLACED_DEAD, "origin", Topics.PLACED, "cause", cause(failure));
            }
        });
        ConcurrentKafkaListenerContainerFactory<String, String> factory = factory(kafka.buildConsumerProperties(null), 2);
        factory.setCommonErrorHandler(handler);
        return factory;
    }

    /** What `@RetryableTopic` builds upon. */
    @Bean
    ConcurrentKafkaListenerContainerFactory<String, String> kafkaListenerContainerFactory(KafkaProperties kafka) {
        return factory(kafka.buildConsumerProperties(null), 1);
    }

    /** Reads what is committed, in a group of the new protocol (KIP-848). */
    @Bean
    ConcurrentKafkaListenerContainerFactory<String, String> ledgerFactory(KafkaProperties kafka) {
        Map<String, Object> properties = new HashMap<>(kafka.buildConsumerProperties(null));
        properties.remove(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG);
        properties.put(ConsumerConfig.GROUP_PROTOCOL_CONFIG, "consumer");
        properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        return factory(properties, 1);
    }

    @Bean
    TaskScheduler taskScheduler() {
        return new ThreadPoolTaskScheduler();
    }

    private static ConcurrentKafkaListenerContainerFactory<String, String> factory(Map<String, Object> properties, int concurrency) {
        ConcurrentKafkaListenerContainerFactory<String, String> factory = new ConcurrentKafkaListenerContainerFactory<>();
        factory.setConsumerFactory(new DefaultKafkaConsumerFactory<>(properties));
        factory.setConcurrency(concurrency);
        return factory;
    }

    private static String cause(Throwable failure) {
        Throwable cause = failure;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause.getClass().getName();
    }

    /** The listeners, and what they are told to do with odd orders. */
    @Component
    @Profile("shipping")
    static class Listeners implements Main.Commands {
        private final KafkaListenerEndpointRegistry registry;
        private volatile boolean isHealed;
        private volatile CountDownLatch hanging = new CountDownLatch(1);

        Listeners(KafkaListenerEndpointRegistry registry) {
            this.registry = registry;
        }

        /** `heal on|off`: whether poison is digested; `release`: what hangs goes on; `pause GROUP`, `resume GROUP`. */
        @Override
        public String obey(List<String> words) {
            switch (words.get(0)) {
                case "heal":
                    isHealed = words.get(1).equals("on");
                    return "ok";
                case "release":
                    CountDownLatch old = hanging;
                    hanging = new CountDownLatch(1);
                    old.countDown();
                    return "ok";
                case "stop":
                    registry.getListenerContainer(words.get(1)).stop();
                    return "ok";
                case "start":
                    registry.getListenerContainer(words.get(1)).start();
                    return "ok";
                default:
                    return null;
            }
        }

        @KafkaListener(id = "shipping", topics = Topics.PLACED, containerFactory = "shippingFactory")
        void ship(ConsumerRecord<String, String> record) throws InterruptedException {
            String kind = kind(record);
            boolean fails = kind.equals("poison") && !isHealed;
            if (kind.equals("hang") && !isHealed) {
                Books.write("hanging", "group", "shipping", "partition", record.partition(), "offset", record.offset());
                hanging.await();
            }
            delivered("shipping", record, fails);
            if (fails) {
                throw new IllegalStateException("order " + record.key() + " cannot be shipped: it has no address");
            }
        }

        @RetryableTopic(
                attempts = "3",
                backoff = @Backoff(delay = 2000),
                sameIntervalTopicReuseStrategy = SameIntervalTopicReuseStrategy.SINGLE_TOPIC,
                numPartitions = "2",
                kafkaTemplate = "kafkaTemplate")
        @KafkaListener(id = "invoicing", topics = Topics.INVOICE)
        void invoice(
                ConsumerRecord<String, String> record,
                @Header(name = RetryTopicHeaders.DEFAULT_HEADER_ATTEMPTS, required = false) Integer attempts) {
            boolean fails = kind(record).equals("unbillable") && !isHealed;
            boolean isFirst = record.topic().equals(Topics.INVOICE);
            int attempt = attempts == null ? 1 : attempts;
            delivered(isFirst ? "invoicing" : "invoicing-retry", record, fails);
            if (!fails) {
                return;
            }
            if (attempt >= ATTEMPTS) {
                Books.record(Topics.INVOICE_DEAD);
                Books.write("dead letter", "channel", Topics.INVOICE_DEAD, "origin", Topics.INVOICE, "cause", UnsupportedOperationException.class.getName());
            } else {
                Books.record(Topics.INVOICE_RETRY);
            }
            throw new UnsupportedOperationException("order " + record.key() + " cannot be invoiced: its currency is unknown");
        }

        @DltHandler
        void invoiceIsDead(ConsumerRecord<String, String> record) {
            delivered("invoicing-dlt", record, false);
        }

        @KafkaListener(id = "ledger", topics = Topics.LEDGER, containerFactory = "ledgerFactory")
        void keep(ConsumerRecord<String, String> record) {
            delivered("ledger", record, false);
        }

        private static String kind(ConsumerRecord<String, String> record) {
            return (String) Books.parse(record.value()).get("kind");
        }

        private static void delivered(String group, ConsumerRecord<String, String> record, boolean failed) {
            Books.write(
                    "delivery", "group", group, "channel", record.topic(), "partition", record.partition(), "offset", record.offset(),
                    "key", record.key(), "failed", failed);
        }
    }
}
