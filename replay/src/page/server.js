// The server, as this page uses it: the routes and the WebSocket of docs/PROTOCOL.md.

import { announce } from "./dom.js";

/** An answer in JSON. */
export async function getJson(path) {
  const answer = await fetch(path, { cache: "no-store" });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error?.text ?? `${path}: ${answer.status}`);
  return body;
}

/** Commands. The token, if the server wants one, is kept in memory only: a page that is closed forgets it. */
export class Commands {
  constructor(onStatus) {
    this.onStatus = onStatus;
    this.token = "";
  }

  /** Sends a command, says what was refused, and hands on the status after it. Returns true if it was carried out. */
  async send(action, body = null) {
    const headers = { "content-type": "application/json" };
    if (this.token) headers.authorization = `Bearer ${this.token}`;
    try {
      const answer = await fetch(`/control/${action}`, {
        method: "POST", headers, body: body === null ? undefined : JSON.stringify(body),
      });
      const found = await answer.json();
      if (!answer.ok) {
        announce(`The server refused: ${found.error?.text ?? answer.status}`);
        return false;
      }
      this.onStatus(found);
      return true;
    } catch {
      announce("The server cannot be reached.");
      return false;
    }
  }
}

const RETRY_MS = [500, 1_000, 2_000, 5_000];

/**
 * The messages of one symbol: a client of the stream like any other, with `tradesim.v1` and a subscription. A filter in
 * the URL would make another stream, which ends with every seek.
 */
export class Feed {
  /** `handler` has message(text), notice(object) and reset(). */
  constructor(handler) {
    this.handler = handler;
    this.symbol = null;
    this.wanted = false;
    this.socket = null;
    this.failures = 0;
    this.timer = 0;
  }

  /** Connects or disconnects. While a replay waits for its clients, this page must not be the one that starts it. */
  want(wanted) {
    this.wanted = wanted && this.symbol !== null;
    if (this.wanted && !this.socket && this.timer === 0) this.connect();
    if (!this.wanted && this.socket) this.socket.close(1000);
  }

  /** Changes the symbol. */
  select(symbol) {
    const before = this.symbol;
    this.symbol = symbol;
    this.handler.reset();
    if (before !== null && before !== symbol && this.socket?.readyState === WebSocket.OPEN) {
      // the new one first: a subscription without symbols would be one to everything
      this.tell("subscribe", symbol);
      this.tell("unsubscribe", before);
    }
  }

  tell(action, symbol) {
    this.socket.send(JSON.stringify({ action, symbols: [symbol] }));
  }

  connect() {
    this.timer = 0;
    if (!this.wanted) return;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/?state=books`, "tradesim.v1");
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => {
      this.failures = 0;
      this.handler.reset();
      this.tell("subscribe", this.symbol);
    };
    socket.onmessage = ({ data }) => this.receive(data);
    socket.onclose = () => {
      this.socket = null;
      if (!this.wanted) return;
      const delay = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)];
      this.failures += 1;
      this.timer = setTimeout(() => this.connect(), delay);
    };
  }

  receive(data) {
    if (typeof data !== "string") {
      this.handler.message(null, data.byteLength);
    } else if (data.startsWith('{"notice":')) {
      const notice = JSON.parse(data);
      // what was read before the subscription took effect is of other symbols
      if (notice.notice === "error") announce(`The server refused: ${notice.text}`);
      this.handler.notice(notice);
    } else {
      this.handler.message(data, data.length);
    }
  }
}
