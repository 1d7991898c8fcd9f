package example;

import com.tradeplatform.events.Trade;
import java.io.BufferedOutputStream;
import java.io.PrintStream;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Prints the trades of a topic up to its present end: time, symbol, price and quantity.
 *
 * <p>Arguments: bootstrap servers, URL of the schema registry, topic; each has a default.
 */
public final class Trades {
    private static final Duration POLL = Duration.ofMillis(500);

    public static void main(String[] arguments) {
        String servers = argument(arguments, 0, "localhost:9092,localhost:9093,localhost:9094");
        String registry = argument(arguments, 1, "http://localhost:8081");
        String topic = argument(arguments, 2, "raw.trades");
        Map<String, Object> settings = Map.of(
                "bootstrap.servers", servers,
                // what a transaction of the bridge has not committed is not read
                "isolation.level", "read_committed",
                "enable.auto.commit", false);
        var values = new ConfluentAvroDeserializer<>(Trade.class, registry);
        var out = new PrintStream(new BufferedOutputStream(System.out), false);
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), values)) {
            List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
                    .map(partition -> new TopicPartition(topic, partition.partition()))
                    .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (partitions.stream().anyMatch(one -> consumer.position(one) < ends.get(one))) {
                for (ConsumerRecord<String, Trade> record : consumer.poll(POLL)) {
                    Trade trade = record.value();
                    // fields have the types of the contract: Instant, BigDecimal, int
                    out.printf("%s %s %s %d%n",
                            trade.getTimestamp(), trade.getSymbol(), trade.getPrice().toPlainString(), trade.getQuantity());
                }
            }
        }
        out.flush();
    }

    private static String argument(String[] arguments, int index, String otherwise) {
        return index < arguments.length ? arguments[index] : otherwise;
    }

    private Trades() {}
}
