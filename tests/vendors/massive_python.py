"""massive, the vendor's Python client: HOST:PORT KEY. Prints what it received, as JSON."""

import sys

from massive import WebSocketClient

from tally import Tally, price


def main():
    address, key = sys.argv[1:]
    tally = Tally()

    def on_messages(messages):
        for message in messages:
            if message.event_type == "T":
                tally.add("trades", message.timestamp, message.size, price(message.price))
            elif message.event_type == "Q":
                prices = price(message.bid_price) + price(message.ask_price)
                tally.add("quotes", message.timestamp, message.bid_size + message.ask_size, prices)
            elif message.event_type == "AM":
                prices = [message.open, message.high, message.low, message.close, message.vwap]
                tally.add("minutes", message.start_timestamp, int(message.volume), sum(map(price, prices)))
            else:
                sys.exit(f"unexpected message: {message}")

    client = WebSocketClient(key, feed=address, market="stocks", secure=False, subscriptions=["T.*", "Q.*", "AM.*"])
    # returns when the server closes with code 1000
    client.run(on_messages)
    tally.print()


main()
