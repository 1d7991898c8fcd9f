// The view of one symbol: its candles, the top of its book and its last messages. It is drawn a few times a second, however
// many messages come, and says what it leaves out.

import { grouped, shellWord } from "./format.js";
import { byId, fillRows, make, setText } from "./dom.js";
import { Feed } from "./server.js";
import { Market, TAPE_LENGTH, tapeLine } from "./market.js";
import { CandleChart } from "./candles.js";

const DRAW_EVERY_MS = 250;

export class SymbolView {
  constructor() {
    this.market = new Market();
    this.chart = new CandleChart(byId("candles"), this.market);
    this.drawn = -1;
    this.receivedBefore = 0;
    this.feed = new Feed({
      message: (text, bytes) => this.market.message(text, bytes, this.feed.symbol),
      notice: (notice) => this.notice(notice),
      reset: () => this.reset(),
    });
    this.input = byId("symbol");
    this.input.addEventListener("change", () => this.select(this.input.value.trim()));
    setInterval(() => this.draw(), DRAW_EVERY_MS);
  }

  get symbol() {
    return this.feed.symbol;
  }

  /** Offers the symbols of the stream, and shows the first one. */
  setSymbols(symbols) {
    byId("symbols").replaceChildren(...symbols.map((symbol) => {
      const option = make("option");
      option.value = symbol;
      return option;
    }));
    if (this.symbol === null && symbols.length > 0) {
      this.input.value = symbols.includes("AAPL") ? "AAPL" : symbols[0];
      this.select(this.input.value);
    }
  }

  select(symbol) {
    if (symbol === "" || symbol === this.symbol) return;
    this.feed.select(symbol);
    setText(byId("symbol-title"), symbol);
  }

  setStatus(status) {
    this.feed.want(status.state === "playing" || status.state === "paused");
  }

  notice(notice) {
    if (notice.notice === "seek") this.reset();
    if (notice.notice === "state") this.market.state(notice, this.symbol);
    if (notice.notice === "gap") {
      this.market.note(`messages ${grouped(notice.from)} to ${grouped(notice.to - 1)} are missing`);
    }
  }

  reset() {
    this.market.reset();
    this.receivedBefore = 0;
  }

  draw() {
    const { market } = this;
    if (document.hidden || this.drawn === market.version) return;
    this.drawn = market.version;
    this.chart.plot.invalidate();
    this.drawBook();
    const rows = market.tape.slice(-TAPE_LENGTH).reverse().map((entry) => {
      const { time, kind, what } = tapeLine(entry);
      return { className: `tape-${kind}`, cells: [time.slice(11, 26), kind, what] };
    });
    fillRows(byId("tape"), rows);
    const since = market.received - this.receivedBefore;
    this.receivedBefore = market.received;
    const left = Math.max(0, since - TAPE_LENGTH);
    setText(byId("sampling"), `${grouped(market.received)} messages, ${grouped(market.faults)} of them unreadable; the tape `
      + `shows the last ${TAPE_LENGTH} four times a second${left ? `, and left out ${grouped(left)} since` : ""}.`);
  }

  drawBook() {
    const { book } = this.market;
    setText(byId("bid"), book ? `${book.bid} × ${grouped(book.bidSize)}` : "–");
    setText(byId("ask"), book ? `${book.ask} × ${grouped(book.askSize)}` : "–");
    setText(byId("spread"), book ? book.spread : "–");
    setText(byId("book-place"), book ? book.exchange : "–");
  }

  /** The part of a command that selects this symbol. */
  get option() {
    return this.symbol === null ? "" : ` --symbols ${shellWord(this.symbol)}`;
  }
}
