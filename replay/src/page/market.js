// What is known of one symbol from its messages: the book, the candles of one minute, and the last messages. Pure: it
// holds no element, so it can be tested without a browser.

import { microsOf } from "./format.js";

export const TAPE_LENGTH = 50;
const MINUTE_US = 60_000_000;
/** Two hours: more than a chart of candles shows on a phone, and a bound of memory. */
const CANDLES_MAX = 120;
const PRINTS_MAX = 400;

export class Market {
  constructor() {
    this.reset();
  }

  /** Forgets everything: after a seek, what was before is of another time. */
  reset() {
    this.book = null;
    this.candles = [];
    this.prints = [];
    this.tape = [];
    /** The open candle of one minute of a state, until a message tells which minute it is. */
    this.opened = null;
    /** All messages that came, and how many of them could not be read. */
    this.received = 0;
    this.faults = 0;
    this.version = (this.version ?? 0) + 1;
  }

  /** Takes a message: its text, or null for a binary one, which no symbol of ours sends. */
  message(text, bytes, symbol) {
    this.received += 1;
    this.version += 1;
    const fault = text === null ? `binary message of ${bytes} bytes` : this.read(text, symbol);
    // of another symbol: sent before the subscription took effect
    if (fault === false) {
      this.received -= 1;
      return;
    }
    if (fault !== null) this.faults += 1;
    this.remember({ text: text ?? "", fault });
  }

  /** Takes the state before the next message: the last book, and the candle that is open. */
  state(notice, symbol) {
    const book = notice.books.find((other) => other.symbol === symbol);
    if (book !== undefined) this.quote(book, microsOf(book.timestamp));
    this.opened = notice.candles.find((other) => other.symbol === symbol && other.interval === "1m") ?? null;
    this.version += 1;
  }

  /** Remembers that the stream was interrupted, such as by a gap. */
  note(text) {
    this.version += 1;
    this.remember({ text: "", fault: text });
  }

  remember(entry) {
    this.tape.push(entry);
    if (this.tape.length > 2 * TAPE_LENGTH) this.tape.splice(0, this.tape.length - TAPE_LENGTH);
  }

  /** Reads a message. Returns null, or what is wrong with it, or false if it is not of this symbol. */
  read(text, symbol) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return "not JSON";
    }
    const { schema_version: version, event_type: type, timestamp, payload } = message ?? {};
    if (typeof payload !== "object" || payload === null) return "no payload";
    if (payload.symbol !== undefined && payload.symbol !== symbol) return false;
    const at = microsOf(timestamp);
    if (version !== 1) return `schema version ${version}`;
    if (Number.isNaN(at)) return "no time";
    this.begin(at, type);
    if (type === "trade") return this.trade(payload, at);
    if (type === "orderbook") return this.quote(payload, at);
    if (type === "marketdata") return this.candle(payload);
    return `unknown event type ${type}`;
  }

  /**
   * Places the candle of a state in the minute of the first message after it. If that is a candle, the minute is over, and
   * its own candle is this one.
   */
  begin(at, type) {
    if (this.opened === null) return;
    if (type === "marketdata") {
      this.opened = null;
      return;
    }
    const [open, high, low, close] = ["open", "high", "low", "close"].map((key) => Number(this.opened[key]));
    const candle = this.candleOf(Math.floor(at / MINUTE_US) * MINUTE_US, open);
    Object.assign(candle, { high, low, close, volume: Number(this.opened.volume) });
    this.opened = null;
  }

  quote(payload, at) {
    const [bid, ask] = [Number(payload.bid_price), Number(payload.ask_price)];
    if (!(bid > 0 && ask > 0)) return "a price is not a price";
    this.book = {
      at, bid: payload.bid_price, ask: payload.ask_price, bidSize: payload.bid_size, askSize: payload.ask_size,
      spread: payload.spread, exchange: payload.exchange,
    };
    return null;
  }

  trade(payload, at) {
    const price = Number(payload.price);
    if (!(price > 0)) return "a price is not a price";
    if (payload.status !== "FILLED" && payload.status !== "PARTIALLY_FILLED") return null;
    const quantity = Number(payload.quantity);
    this.prints.push({ at, price, quantity, buy: payload.trade_type === "BUY" });
    if (this.prints.length > 2 * PRINTS_MAX) this.prints.splice(0, this.prints.length - PRINTS_MAX);
    const candle = this.candleOf(Math.floor(at / MINUTE_US) * MINUTE_US, price);
    candle.high = Math.max(candle.high, price);
    candle.low = Math.min(candle.low, price);
    candle.close = price;
    candle.volume += quantity;
    return null;
  }

  /** A finished candle replaces what was put together here, which lacks what came before this page. */
  candle(payload) {
    if (payload.interval !== "1m") return null;
    const [open, high, low, close] = ["open", "high", "low", "close"].map((key) => Number(payload[key]));
    const at = microsOf(payload.timestamp);
    if (![open, high, low, close].every((price) => price > 0)) return "a price is not a price";
    if (Number.isNaN(at)) return "no time";
    Object.assign(this.candleOf(at, open), { open, high, low, close, volume: Number(payload.volume), whole: true });
    return null;
  }

  candleOf(at, price) {
    let index = this.candles.findLastIndex((candle) => candle.at <= at);
    if (index >= 0 && this.candles[index].at === at) return this.candles[index];
    const candle = { at, open: price, high: price, low: price, close: price, volume: 0, whole: false };
    this.candles.splice(index + 1, 0, candle);
    if (this.candles.length > CANDLES_MAX) this.candles.shift();
    return candle;
  }
}

/** One line about a message, for the tape: its time, what it is, and its figures. */
export function tapeLine({ text, fault }) {
  if (fault !== null) return { time: "", kind: "fault", what: fault };
  const { timestamp, event_type: kind, payload } = JSON.parse(text);
  const what = {
    trade: () => `${payload.trade_type} ${payload.quantity} @ ${payload.price} ${payload.status} ${payload.exchange}`,
    orderbook: () => `${payload.bid_size} × ${payload.bid_price} / ${payload.ask_price} × ${payload.ask_size}`,
    marketdata: () => `${payload.interval} ${payload.open} ${payload.high} ${payload.low} ${payload.close} `
      + `volume ${payload.volume}`,
  }[kind]();
  return { time: timestamp, kind, what };
}
