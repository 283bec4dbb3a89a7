package switchboard.spring;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.web.servlet.context.ServletWebServerApplicationContext;
import org.springframework.context.ConfigurableApplicationContext;

/**
 * One service of a small order business; which one, its Spring profile says. It obeys lines on standard input, answers each with one line
 * on standard output, and ends when standard input does, so that nothing outlives the test that started it.
 */
@SpringBootApplication
public class Main {
    /** What a service can be told: the words of a line, and the answer. */
    public interface Commands {
        /** Carries out a command; null where it is none of this service's. */
        String obey(List<String> words) throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        Books.open(System.getProperty("business.books"));
        ConfigurableApplicationContext context = new SpringApplication(Main.class).run(arguments);
        int httpPort = ((ServletWebServerApplicationContext) context).getWebServer().getPort();
        int grpcPort = context.getBeansOfType(Payments.Grpc.class).values().stream().mapToInt(Payments.Grpc::port).findFirst().orElse(0);
        System.out.println("ready " + Books.text(Map.of("http_port", httpPort, "grpc_port", grpcPort)));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            System.out.println("answer " + answer(context, List.of(line.trim().split(" +"))));
        }
        // A listener that hangs would make an orderly end wait for it.
        Runtime.getRuntime().halt(0);
    }

    private static String answer(ConfigurableApplicationContext context, List<String> words) {
        try {
            if (words.get(0).equals("end")) {
                context.close();
                // What the agent has not exported yet it exports when the machine ends in order.
                System.exit(0);
            }
            for (Commands commands : context.getBeansOfType(Commands.class).values()) {
                String answer = commands.obey(words);
                if (answer != null) {
                    return answer;
                }
            }
            return "unknown";
        } catch (Exception failure) {
            return "failed " + failure;
        }
    }
}
