package example;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;

/**
 * Decodes values of Confluent's wire format (a zero byte, the id of the writer's schema, the datum) into a generated class.
 *
 * <p>Confluent's own {@code KafkaAvroDeserializer}, from Confluent's Maven repository, does the same with
 * {@code specific.avro.reader=true}. This one needs nothing but Avro.
 */
public final class ConfluentAvroDeserializer<T extends SpecificRecordBase> implements Deserializer<T> {
    private static final byte MAGIC = 0;
    private static final int HEADER_BYTES = 5;
    private static final Duration TIMEOUT = Duration.ofSeconds(10);

    private final Schema reader;
    private final SpecificData model;
    private final String registry;
    private final HttpClient client = HttpClient.newBuilder().connectTimeout(TIMEOUT).build();
    private final Map<Integer, SpecificDatumReader<T>> readers = new HashMap<>();
    private BinaryDecoder decoder;

    public ConfluentAvroDeserializer(Class<T> type, String registry) {
        this.model = SpecificData.getForClass(type);
        this.reader = model.getSchema(type);
        this.registry = registry;
    }

    @Override
    public T deserialize(String topic, byte[] value) {
        if (value == null) {
            return null;
        }
        if (value.length < HEADER_BYTES || value[0] != MAGIC) {
            throw new SerializationException(topic + ": a value without the header of Confluent's wire format");
        }
        int id = ByteBuffer.wrap(value, 1, Integer.BYTES).getInt();
        decoder = DecoderFactory.get().binaryDecoder(value, HEADER_BYTES, value.length - HEADER_BYTES, decoder);
        try {
            return readers.computeIfAbsent(id, this::readerFor).read(null, decoder);
        } catch (IOException error) {
            throw new SerializationException(topic + ": cannot decode a value of schema " + id, error);
        }
    }

    private SpecificDatumReader<T> readerFor(int id) {
        return new SpecificDatumReader<>(schema(id), reader, model);
    }

    private Schema schema(int id) {
        URI uri = URI.create(registry + "/schemas/ids/" + id);
        try {
            HttpRequest request = HttpRequest.newBuilder(uri).timeout(TIMEOUT).build();
            HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() != 200) {
                throw new SerializationException(uri + ": HTTP status " + answer.statusCode());
            }
            String text = new ObjectMapper().readTree(answer.body()).path("schema").asText();
            return new Schema.Parser().parse(text);
        } catch (IOException error) {
            throw new SerializationException(uri.toString(), error);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new SerializationException(uri.toString(), error);
        }
    }
}
