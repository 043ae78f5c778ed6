// Posts each confirmed order to a webhook, signed as https://www.standardwebhooks.com says.
import { createHmac, timingSafeEqual } from "node:crypto";
import { fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";

type Data = { version: number; status?: string; at?: string; totalCents?: number; currency?: string };
type Entry = { type: string; subject: string; data: Data }; // an event, or the note that an order was posted
const { APP_API_TOKEN = "", APP_PORT, STATE_FILE = "", WEBHOOK_URL = "", WEBHOOK_SECRET = "" } = process.env;
const journal = openSync(STATE_FILE, "a+");
const seen = new Set<string>(), confirmed = new Map<string, Data>(), reserved = new Map<string, Data>();
let posting = Promise.resolve(); // one order at a time, so that none is posted twice
const key = (e: Entry) => `${e.type} ${e.subject} ${e.data.version}`;

function apply(e: Entry): void {
  seen.add(key(e));
  if (e.data.status === "CONFIRMED") confirmed.set(e.subject, e.data);
  if (e.data.totalCents !== undefined) reserved.set(e.subject, e.data);
}

// Writes an entry to the disk before it counts, and ignores one that is there already.
function keep(e: Entry): void {
  if (seen.has(key(e))) return;
  writeSync(journal, "\n" + JSON.stringify(e)); // begins with a line break: a crash may have cut off the last line
  fsyncSync(journal);
  apply(e);
}

// Posts an order once it is confirmed and its total is known. After a crash it may post again, under the same webhook-id.
async function post(order: string): Promise<void> {
  const change = confirmed.get(order), stock = reserved.get(order);
  const posted: Entry = { type: "posted", subject: order, data: { version: 1 } };
  if (!change || !stock || seen.has(key(posted))) return;
  const body = JSON.stringify({ orderId: order, at: change.at, totalCents: stock.totalCents, currency: stock.currency });
  const id = `${order}.${change.version}`, timestamp = `${Math.floor(Date.now() / 1000)}`;
  const signature = createHmac("sha256", WEBHOOK_SECRET).update(`${id}.${timestamp}.${body}`).digest("base64");
  const headers = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` };
  const response = await fetch(WEBHOOK_URL, { method: "POST", body, headers, signal: AbortSignal.timeout(5000) });
  if (!response.ok) throw new Error(`the webhook answered ${response.status}`);
  keep(posted);
}

async function handle(request: IncomingMessage): Promise<[number, unknown]> {
  const token = Buffer.from(String(request.headers["dapr-api-token"])), ours = Buffer.from(APP_API_TOKEN);
  if (request.method === "GET") return [request.url === "/healthz" ? 200 : 404, {}];
  if (token.length !== ours.length || !timingSafeEqual(token, ours) || request.headers["dapr-caller-app-id"]) return [403, {}];
  if (request.url === "/unmatched") return [200, { status: "DROP" }]; // to the dead letters
  const { type, subject, data } = await json(request) as Entry;
  keep({ type, subject, data });
  await (posting = posting.catch(() => { }).then(() => post(subject)));
  return [200, { status: "SUCCESS" }];
}

for (const line of readFileSync(STATE_FILE, "utf8").split("\n")) {
  try { apply(JSON.parse(line)); } catch { } // cut off by a crash: its event was not acknowledged and comes again
}
createServer((request, response) => void handle(request)
  .catch((error: Error): [number, unknown] => (console.error(error.message), [200, { status: "RETRY" }]))
  .then(([status, body]) => response.writeHead(status).end(JSON.stringify(body)))).listen(Number(APP_PORT), "127.0.0.1");
