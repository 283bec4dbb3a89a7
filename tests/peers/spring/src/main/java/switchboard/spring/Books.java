package switchboard.spring;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** What the business did, by its own code: a line of JSON for each thing, written at once, so that a kill loses none. */
final class Books {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static OutputStream file;

    private Books() {}

    static void open(String path) throws IOException {
        file = new FileOutputStream(path, true);
    }

    static String text(Object value) {
        try {
            return JSON.writeValueAsString(value);
        } catch (JsonProcessingException failure) {
            throw new IllegalArgumentException(failure);
        }
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> parse(String text) {
        try {
            return JSON.readValue(text, Map.class);
        } catch (JsonProcessingException failure) {
            throw new IllegalArgumentException(failure);
        }
    }

    /** Writes one line; keys and values in turn. */
    static synchronized void write(String what, Object... pairs) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("what", what);
        for (int at = 0; at < pairs.length; at += 2) {
            line.put((String) pairs[at], pairs[at + 1]);
        }
        try {
            file.write((text(line) + "\n").getBytes(StandardCharsets.UTF_8));
        } catch (IOException failure) {
            // Books with a hole prove nothing.
            failure.printStackTrace();
            Runtime.getRuntime().halt(70);
        }
    }

    /** A call and how it ended, as its caller saw it. */
    static void call(String from, String to, String via, boolean failed, boolean retry, String status) {
        write("call", "from", from, "to", to, "via", via, "failed", failed, "retry", retry, "status", status);
    }

    /** A record that a broker acknowledged. */
    static void record(String channel) {
        write("record", "channel", channel);
    }
}
