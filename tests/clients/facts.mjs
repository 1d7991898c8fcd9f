// What Node's `ws` receives from a URL, as one JSON object: the counterpart of `facts` in libraries.py.
import WebSocket from "ws";
import { blake3 } from "@noble/hashes/blake3.js";

const [url, protocol] = process.argv.slice(2);
const digest = blake3.create();
const length = Buffer.alloc(4);
const facts = { count: 0, keys: [], notices: [], pings: 0 };
const keys = new Set();

function finishRequest(request) {
  facts.offered = request.getHeader("sec-websocket-extensions") ?? null;
  request.end();
}

const socket = new WebSocket(url, protocol ? [protocol] : [], { finishRequest });
socket.on("upgrade", (response) => (facts.headers = response.headers));
socket.on("ping", () => (facts.pings += 1));
socket.on("message", (message, isBinary) => {
  const value = JSON.parse(message);
  if (isBinary) throw new Error("a binary message");
  if ("notice" in value) return facts.notices.push(value);
  keys.add(Object.keys(value).join(" "));
  facts.count += 1;
  length.writeUInt32LE(message.length);
  digest.update(length).update(message);
});
socket.on("close", (code, reason) => {
  facts.code = code;
  facts.reason = reason.toString();
  facts.keys = [...keys];
  facts.digest = "blake3:" + Buffer.from(digest.digest()).toString("hex");
  facts.agreed = socket.extensions;
  console.log(JSON.stringify(facts));
});
