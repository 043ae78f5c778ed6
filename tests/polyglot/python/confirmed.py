"""Answers GET /confirmed with the number of orders that were confirmed, and their total."""
import hmac, json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

TOKEN = os.environ["APP_API_TOKEN"]  # the sidecar shows it with every request
seen, confirmed, totals, lock = set(), set(), {}, Lock()

def apply(event):
    """Adds an event to what is known. The result is the same in any order of events."""
    data = event["data"]
    seen.add((event["type"], event["subject"], data["version"]))
    if "totalCents" in data:
        totals[data["orderId"]] = data["totalCents"]
    if data.get("status") == "CONFIRMED":
        confirmed.add(data["orderId"])

def handle(event):
    """Keeps an event on the disk before it counts, and ignores one that it has already."""
    with lock:
        if (event["type"], event["subject"], event["data"]["version"]) not in seen:
            journal.write("\n" + json.dumps(event))  # begins with a line break: a crash may have cut off the last line
            journal.flush()
            os.fsync(journal.fileno())
            apply(event)

class Consumer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path not in ("/confirmed", "/healthz"):  # such as /dapr/subscribe: the subscriptions are in dapr/pubsub.yaml
            return self.answer({}, 404)
        with lock:
            self.answer({"orders": len(confirmed), "totalCents": sum(totals.get(order, 0) for order in confirmed)})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not hmac.compare_digest(self.headers.get("dapr-api-token", ""), TOKEN) or "dapr-caller-app-id" in self.headers:
            return self.answer({"error": "only the sidecar may deliver events"}, 403)
        if self.path == "/unmatched":
            return self.answer({"status": "DROP"})  # to the dead letters
        handle(json.loads(body))
        self.answer({"status": "SUCCESS"})

    def answer(self, value, status=200):
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

journal = open(os.environ["STATE_FILE"], "a+", encoding="utf-8", errors="replace")
journal.seek(0)
for line in filter(str.strip, journal):
    try:
        apply(json.loads(line))
    except ValueError:
        pass  # cut off by a crash: its event was not acknowledged and comes again
ThreadingHTTPServer(("127.0.0.1", int(os.environ["APP_PORT"])), Consumer).serve_forever()
