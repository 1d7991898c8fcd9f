// @alpacahq/alpaca-trade-api, the vendor's JavaScript client: WEBSOCKET_URL KEY SECRET. Prints what it received, as JSON.
const { StockDataStream } = require("@alpacahq/alpaca-trade-api");
const { Tally, price } = require("./tally.cjs");

// the server holds the connection open and silent at the end, as the vendor does at night: this much silence is the end
const SILENCE_MS = 4_000;

const [url, keyId, secretKey] = process.argv.slice(2);
const tally = new Tally();
let last = null;

// milliseconds: a Date keeps no more
function note(kind, at, ...values) {
  last = Date.now();
  tally.add(kind, Math.floor(new Date(at).getTime()), ...values);
}

const stream = new StockDataStream({ credentials: { keyId, secretKey }, url });
stream.onTrade((trade) => note("trades", trade.t ?? trade.timestamp, trade.s ?? trade.size, price(trade.p ?? trade.price)));
stream.onQuote((quote) => note("quotes", quote.t, quote.bs + quote.as, price(quote.bp) + price(quote.ap)));
stream.onBar((bar) => note("minutes", bar.t, bar.v, [bar.o, bar.h, bar.l, bar.c, bar.vw].map(price).reduce((a, b) => a + b)));
stream.onDailyBar((bar) => note("days", bar.t, bar.v, price(bar.c)));
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
