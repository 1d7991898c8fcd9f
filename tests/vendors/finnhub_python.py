"""websocket-client, with which Finnhub's documentation connects: WEBSOCKET_URL SYMBOL… Prints what it received, as JSON."""

import json
import sys

import websocket

from tally import Tally, price


def main():
    url, *symbols = sys.argv[1:]
    tally = Tally()

    def on_open(ws):
        for symbol in symbols:
            ws.send(json.dumps({"type": "subscribe", "symbol": symbol}))

    def on_message(ws, text):
        message = json.loads(text)
        if message["type"] == "ping":
            return
        assert message["type"] == "trade", message
        for trade in message["data"]:
            assert trade["s"] in symbols, trade
            tally.add("trades", trade["t"], trade["v"], price(trade["p"]))

    websocket.WebSocketApp(url, on_open=on_open, on_message=on_message).run_forever()
    tally.print()


main()
