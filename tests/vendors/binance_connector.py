"""binance-connector, a client of the vendor: WEBSOCKET_BASE. Prints the number of messages and their digest, as JSON. It has no notion of binary
messages and leaves them out."""

import json
import sys
import threading

from binance.websocket.spot.websocket_stream import SpotWebsocketStreamClient

from served import digest_of

ID = 11


def main():
    received, acknowledged, closed = [], [], threading.Event()

    def on_message(_, text):
        (received if acknowledged else acknowledged).append(text)

    client = SpotWebsocketStreamClient(
        stream_url=sys.argv[1], is_combined=True, on_message=on_message, on_close=lambda _: closed.set()
    )
    client.subscribe(stream=["btcusdt@trade"], id=ID)
    if not closed.wait(50):
        sys.exit("the connection was not closed")
    expected = {"result": None, "id": ID}
    if json.loads(acknowledged[0]) != expected:
        sys.exit(f"expected {expected} first, not {acknowledged[0]}")
    print(json.dumps({"messages": len(received), "digest": digest_of([text.encode() for text in received])}))


main()
