// The parts of the page that need no browser: `node --test tests/page`.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as format from "../../replay/src/page/format.js";
import { Market, TAPE_LENGTH, tapeLine } from "../../replay/src/page/market.js";
import { Outline } from "../../replay/src/page/outline.js";

const bins = (...counts) => ({
  trade: counts, orderbook: counts.map(() => 0), marketdata: counts.map(() => 0), other: counts.map(() => 0),
});
const segment = (from_us, bin_us, ...counts) => ({ from_us, bin_us, bins: bins(...counts), spans: [] });

test("times keep their microseconds", () => {
  const us = format.microsOf("2026-02-18T14:30:00.366511Z");
  assert.equal(us, 1_771_425_000_366_511);
  assert.equal(format.rfc3339(us), "2026-02-18T14:30:00.366511Z");
  assert.equal(format.clockText(us), "09:30:00");
  assert.equal(format.clockText(us, true), "09:30:00.366");
  for (const text of [null, "", "noon", "2026-02-18T14:30:00Z"]) assert.ok(Number.isNaN(format.microsOf(text)), text);
});

test("speeds change as with the keys of the terminal", () => {
  for (const [now, up, next] of [
    ["1x", true, "2x"], ["1x", false, "0.5x"], ["600000x", true, "max"], ["max", true, null], ["max", false, "1000x"],
    ["0.000001x", false, null],
  ]) assert.equal(format.nextSpeed(now, up), next, `${now} ${up}`);
});

test("words of commands are quoted when a shell would change them", () => {
  for (const [text, word] of [
    ["AAPL", "AAPL"], ["ws://127.0.0.1:8765", "ws://127.0.0.1:8765"], ["a b", "'a b'"], ["$(x)", "'$(x)'"],
    ["it's", "'it'\\''s'"], ["", "''"],
  ]) assert.equal(format.shellWord(text), word);
});

test("places, messages and times belong together", () => {
  const outline = new Outline({ segments: [segment(1_000, 10, 4, 0, 6)], rounds: 1 });
  assert.equal(outline.messages, 10);
  assert.equal(outline.end, 3);
  for (const [seq, x] of [[0, 0], [2, 0.5], [4, 2], [7, 2.5], [10, 3]]) assert.equal(outline.xOf(seq), x, `seq ${seq}`);
  for (const [x, seq] of [[0, 0], [0.5, 2], [1, 4], [1.9, 4], [2, 4], [2.5, 7], [3, 10]]) {
    assert.equal(outline.seqOf(x), seq, `x ${x}`);
  }
  assert.equal(outline.timeOf(2.5), 1_025);
});

test("files follow one another, and rounds repeat them", () => {
  const outline = new Outline({ segments: [segment(0, 10, 5), segment(0, 10, 2, 3)], rounds: null });
  assert.equal(outline.end, 4);
  assert.equal(outline.xOf(5), 2);
  assert.equal(outline.xOf(7), 3);
  // the same place in the third round
  assert.equal(outline.xOf(27), 3);
  assert.equal(outline.seqOf(3, 25), 27);
  // twice: the end is that of the second round
  const twice = new Outline({ segments: [segment(0, 10, 5)], rounds: 2 });
  assert.equal(twice.xOf(10), 1);
  assert.equal(twice.xOf(5), 0);
});

test("a recording without messages has no places", () => {
  assert.ok(new Outline({ segments: [] }).isEmpty);
  assert.ok(new Outline({ live: true }).live);
});

const envelope = (event_type, payload, at = "2026-02-18T14:30:01.000000Z") => JSON.stringify({
  schema_version: 1, event_type, timestamp: at, payload: { symbol: "AAPL", ...payload },
});
const fill = (price, at) => envelope("trade", {
  trade_type: "BUY", status: "FILLED", price, quantity: 100, exchange: "NASDAQ",
}, at);

function take(market, ...texts) {
  for (const text of texts) market.message(text, text?.length ?? 9, "AAPL");
}

test("candles are made of executions, and finished ones replace them", () => {
  const market = new Market();
  take(market, fill("178.50"), fill("178.70"), fill("178.40"), fill("179.00", "2026-02-18T14:31:00.000000Z"));
  const shown = market.candles.map(({ open, high, low, close, volume }) => [open, high, low, close, volume]);
  assert.deepEqual(shown, [[178.5, 178.7, 178.4, 178.4, 300], [179, 179, 179, 179, 100]]);
  take(market, envelope("marketdata", {
    interval: "1m", open: "178.10", high: "178.80", low: "178.00", close: "178.40", volume: 900,
    timestamp: "2026-02-18T14:30:00.000000Z",
  }));
  assert.equal(market.candles.length, 2);
  assert.deepEqual([market.candles[0].open, market.candles[0].volume], [178.1, 900]);
  // orders that did not execute move nothing
  take(market, envelope("trade", { trade_type: "BUY", status: "NEW", price: "1.00", quantity: 1 }));
  assert.equal(market.candles[1].low, 179);
});

test("a state gives the book and the beginning of a candle", () => {
  const book = {
    symbol: "AAPL", bid_price: "178.49", ask_price: "178.51", bid_size: 300, ask_size: 200, spread: "0.02",
    mid_price: "178.50", timestamp: "2026-02-18T14:29:58.000000Z", exchange: "NASDAQ",
  };
  const prices = { open: "178.10", high: "178.80", low: "178.00", close: "178.40", volume: 900, vwap: "178.33" };
  const candle = (symbol, interval) => ({ symbol, interval, ...prices });
  const notice = {
    notice: "state", books: [{ ...book, symbol: "A", bid_price: "1.00" }, book],
    candles: [candle("A", "1m"), candle("AAPL", "1m"), candle("AAPL", "5m")], period: "opening_auction", orders: 3,
  };
  const market = new Market();
  market.state(notice, "AAPL");
  assert.deepEqual([market.book.bid, market.book.askSize, market.candles.length], ["178.49", 200, 0]);
  take(market, fill("178.90"));
  const shown = market.candles.map(({ open, high, low, close, volume }) => [open, high, low, close, volume]);
  assert.deepEqual(shown, [[178.1, 178.9, 178, 178.9, 1000]]);
  // when the minute is over, its own candle comes first
  const late = new Market();
  late.state(notice, "AAPL");
  take(late, envelope("marketdata", { interval: "1m", ...prices, timestamp: "2026-02-18T14:30:00.000000Z" }));
  take(late, fill("179.00", "2026-02-18T14:31:00.000000Z"));
  assert.deepEqual(late.candles.map(({ open, volume }) => [open, volume]), [[178.1, 900], [179, 100]]);
  // a symbol that is not in it has neither
  const other = new Market();
  other.state(notice, "MSFT");
  assert.deepEqual([other.book, other.opened], [null, null]);
});

test("what cannot be read is shown as a fault, and other symbols are left out", () => {
  const market = new Market();
  take(
    market, "{", null, envelope("quote", {}), envelope("trade", { price: "x" }),
    envelope("orderbook", { bid_price: "1.00", ask_price: "-1" }), fill("1.00").replace(":1,", ":99,"), "null", "7",
    '{"payload":{"symbol":"AAPL"}}',
  );
  assert.equal(market.received, 9);
  assert.equal(market.faults, 9);
  take(market, fill("1.00").replace("AAPL", "MSFT"));
  assert.equal(market.received, 9);
  for (const entry of market.tape) assert.equal(tapeLine(entry).kind, "fault");
});

test("hostile texts stay texts, and memory stays bounded", () => {
  const market = new Market();
  const hostile = "<img src=x onerror=alert(1)>";
  take(market, fill(hostile), envelope("trade", { trade_type: hostile, status: "NEW", price: "1.00", quantity: hostile }));
  assert.ok(tapeLine(market.tape[1]).what.includes(hostile));
  for (let minute = 0; minute < 500; minute++) {
    const at = `2026-02-18T${String(10 + Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}:00.000000Z`;
    take(market, ...Array(10).fill(fill("1.00", at)));
  }
  assert.ok(market.candles.length <= 120 && market.prints.length <= 800 && market.tape.length <= 2 * TAPE_LENGTH);
});
