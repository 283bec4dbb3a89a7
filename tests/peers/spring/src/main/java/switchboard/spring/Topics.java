package switchboard.spring;

import org.apache.kafka.clients.admin.NewTopic;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Profile;
import org.springframework.kafka.config.TopicBuilder;
import org.springframework.kafka.core.KafkaAdmin;

/** The topics that the business makes; those of `@RetryableTopic` the framework makes. */
@Configuration
@Profile("orders | shipping")
class Topics {
    static final String PLACED = "orders.placed";
    static final String PLACED_DEAD = PLACED + "-dlt";
    static final String INVOICE = "orders.invoice";
    static final String INVOICE_RETRY = INVOICE + "-retry";
    static final String INVOICE_DEAD = INVOICE + "-dlt";
    static final String LEDGER = "orders.ledger";

    @Bean
    KafkaAdmin.NewTopics newTopics() {
        return new KafkaAdmin.NewTopics(topic(PLACED, 4), topic(PLACED_DEAD, 4), topic(INVOICE, 2), topic(LEDGER, 2));
    }

    private static NewTopic topic(String name, int partitions) {
        return TopicBuilder.name(name).partitions(partitions).replicas(1).build();
    }
}
