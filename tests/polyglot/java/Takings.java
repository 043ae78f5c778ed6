import com.sun.net.httpserver.*;
import java.nio.file.*;
import java.util.*;
import java.util.regex.*;
/** Keeps each day's takings: the orders confirmed on that day (UTC) and not cancelled. GET /takings?2026-01-31 */
public class Takings {
    static final Pattern TOKEN = Pattern.compile("\"((?:[^\"\\\\]++|\\\\.)*+)\"|[-+.\\w]++|[{}\\[\\]]");
    static final Path JOURNAL = Path.of(System.getenv("STATE_FILE"));
    static final Set<String> seen = new HashSet<>(), cancelled = new HashSet<>();
    static final Map<String, String> days = new HashMap<>(), totals = new HashMap<>(); // of the confirmed, and of the reserved orders
    /** Reads the next JSON value; null at the end of an object or list. Texts stay escaped, and numbers are texts. */
    static Object read(Matcher json) {
        if (!json.find()) throw new IllegalArgumentException("not JSON, or cut off");
        switch (json.group().charAt(0)) {
            case '}', ']': return null;
            case '[': var list = new ArrayList<>(); for (Object v; (v = read(json)) != null; ) list.add(v); return list;
            case '{': var map = new HashMap<>(); for (Object k; (k = read(json)) != null; ) map.put(k, read(json)); return map;
            default: return json.group(1) != null ? json.group(1) : json.group();
        }
    }
    /** Adds an event to what is known, and to the journal unless it comes from there. The result is the same in any order. */
    static void add(String text, boolean isNew) throws java.io.IOException {
        Map<?, ?> event = (Map<?, ?>) read(TOKEN.matcher(text)), data = (Map<?, ?>) event.get("data");
        var order = (String) event.get("subject");
        var key = event.get("type") + " " + order + " " + data.get("version");
        if (seen.contains(key)) return;
        if (isNew) // one line, which begins with a line break: a crash may have cut off the last line
            Files.writeString(JOURNAL, "\n" + text.replace('\n', ' '), StandardOpenOption.APPEND, StandardOpenOption.SYNC);
        seen.add(key);
        if (data.get("totalCents") != null) totals.put(order, (String) data.get("totalCents"));
        if ("CONFIRMED".equals(data.get("status"))) days.put(order, ((String) data.get("at")).substring(0, 10));
        if ("CANCELLED".equals(data.get("status"))) cancelled.add(order);
    }
    static String answer(HttpExchange call, String token) throws java.io.IOException {
        if (call.getRequestMethod().equals("GET")) {
            if (call.getRequestURI().getPath().startsWith("/dapr/")) return ""; // the subscriptions are in dapr/pubsub.yaml
            var day = String.valueOf(call.getRequestURI().getQuery());
            var taken = totals.keySet().stream().filter(o -> day.equals(days.get(o)) && !cancelled.contains(o)).map(totals::get).toList();
            return "{\"orders\":%d,\"totalCents\":%d}".formatted(taken.size(), taken.stream().mapToLong(Long::parseLong).sum());
        }
        var trusted = java.security.MessageDigest.isEqual(token.getBytes(), System.getenv("APP_API_TOKEN").getBytes());
        if (!trusted || call.getRequestHeaders().containsKey("dapr-caller-app-id")) return ""; // not an event from the sidecar
        if (call.getRequestURI().getPath().equals("/unmatched")) return "{\"status\":\"DROP\"}"; // to the dead letters
        add(new String(call.getRequestBody().readAllBytes(), "UTF-8"), true);
        return "{\"status\":\"SUCCESS\"}";
    }
    public static void main(String[] args) throws java.io.IOException {
        Files.writeString(JOURNAL, "", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        for (var line : new String(Files.readAllBytes(JOURNAL), "UTF-8").split("\n"))
            try { add(line, false); } catch (IllegalArgumentException cutOff) { } // was not acknowledged and comes again
        var server = HttpServer.create(new java.net.InetSocketAddress("127.0.0.1", Integer.parseInt(System.getenv("APP_PORT"))), 0);
        server.createContext("/", call -> { // one call at a time
            var text = answer(call, String.valueOf(call.getRequestHeaders().getFirst("dapr-api-token")));
            call.sendResponseHeaders(!text.isEmpty() ? 200 : call.getRequestMethod().equals("GET") ? 404 : 403, 0);
            try (var body = call.getResponseBody()) { body.write(text.getBytes()); }
        });
        server.start();
    }
}
