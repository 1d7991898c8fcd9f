"""alpaca-py, the vendor's Python client: WEBSOCKET_URL KEY SECRET. Prints what it received, as JSON."""

import datetime
import sys
import threading
import time

from alpaca.data.live import StockDataStream

from tally import Tally, price

# the server holds the connection open and silent at the end, as the vendor does at night: this much silence is the end
SILENCE = 4.0
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def main():
    url, key, secret = sys.argv[1:]
    tally = Tally()
    last = None

    def note(kind, at, *values):
        nonlocal last
        last = time.monotonic()
        tally.add(kind, (at - EPOCH) // datetime.timedelta(microseconds=1), *values)

    async def on_trade(trade):
        note("trades", trade.timestamp, int(trade.size), price(trade.price))

    async def on_quote(quote):
        sizes = int(quote.bid_size) + int(quote.ask_size)
        note("quotes", quote.timestamp, sizes, price(quote.bid_price) + price(quote.ask_price))

    async def on_bar(bar):
        prices = [bar.open, bar.high, bar.low, bar.close, bar.vwap]
        note("minutes", bar.timestamp, int(bar.volume), sum(map(price, prices)))

    async def on_day(bar):
        note("days", bar.timestamp, int(bar.volume), price(bar.close))

    stream = StockDataStream(key, secret, url_override=url)
    stream.subscribe_trades(on_trade, "*")
    stream.subscribe_quotes(on_quote, "*")
    stream.subscribe_bars(on_bar, "*")
    stream.subscribe_daily_bars(on_day, "*")

    def stop_when_silent():
        while last is None or time.monotonic() - last < SILENCE:
            time.sleep(0.1)
        stream.stop()

    threading.Thread(target=stop_when_silent, daemon=True).start()
    stream.run()
    tally.print()


main()
