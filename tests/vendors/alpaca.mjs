// @alpacahq/alpaca-trade-api, the vendor's JavaScript client: NODE_MODULES WEBSOCKET_URL KEY SECRET. Prints what it received, as JSON.
import { createRequire } from "node:module";

import { Tally, price } from "./tally.mjs";


// the server holds the connection open and silent at the end, as the vendor does at night: this much silence is the end
const SILENCE_MS = 4_000;

const [packages, url, keyId, secret] = process.argv.slice(2);
const { streaming } = createRequire(`${packages}/`)("@alpacahq/alpaca-trade-api");
const tally = new Tally();
let last = null;

// milliseconds: a Date keeps no more
function note(kind, at, ...values) {
  last = Date.now();
  tally.add(kind, Math.floor(new Date(at).getTime()), ...values);
}

const stream = new streaming.StockDataStream({ credentials: { keyId, secret }, url });
stream.onTrade((trade) => note("trades", trade.timestamp, trade.size, price(trade.price)));
stream.onQuote((quote) => note("quotes", quote.timestamp, quote.bidSize + quote.askSize, price(quote.bidPrice) + price(quote.askPrice)));
stream.onBar((bar) => {
  const prices = [bar.open, bar.high, bar.low, bar.close, bar.vwap];
  note("minutes", bar.timestamp, bar.volume, prices.map(price).reduce((a, b) => a + b));
});
stream.onDailyBar((bar) => note("days", bar.timestamp, bar.volume, price(bar.close)));
for (const channel of ["Trades", "Quotes", "Bars", "DailyBars"]) {
  stream[`subscribeFor${channel}`](["*"]);
}
stream.connect();
setInterval(() => {
  if (last !== null && Date.now() - last > SILENCE_MS) {
    stream.disconnect();
    tally.print();
    process.exit(0);
  }
}, 100);
