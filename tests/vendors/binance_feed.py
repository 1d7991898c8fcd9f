"""A feed in the way of Binance's market streams, for one client after another: it wants a subscription, answers pings, sends pings of its own, and
goes on only when they are answered."""

import json
import threading

import websockets.sync.server

MESSAGES = 3_000
PING_EVERY = 500
TIMEOUT_S = 20


def messages():
    """The messages of the feed: texts, and bytes as its binary encoding (SBE) has them."""
    trade = '{{"stream":"btcusdt@trade","data":{{"e":"trade","s":"BTCUSDT","t":{n},"p":"{price}.10","q":"0.0{n}"}}}}'
    for n in range(MESSAGES):
        if n % 7 == 3:
            yield b"\x50\x00\x10\x27" + n.to_bytes(4, "little") + b"\xff\x00"
        elif n % 7 == 5:
            # bytes that are a text: the frame is binary all the same
            yield b'{"sbe":%d}' % n
        else:
            yield trade.format(n=n, price=60_000 + n)


class BinanceFeed:
    """Serves on a free port in a thread of its own. `errors` lists what clients did wrong."""

    def __init__(self):
        self.errors = []
        self.subscriptions = []
        self.pings = 0
        self.server = websockets.sync.server.serve(self.serve, "127.0.0.1", 0, compression=None)
        self.url = f"ws://127.0.0.1:{self.server.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()

    def serve(self, socket):
        if not socket.request.path.startswith("/stream"):
            return socket.close(1008, "no such path")
        subscription = json.loads(socket.recv(timeout=TIMEOUT_S))
        if subscription["method"] != "SUBSCRIBE" or not subscription["params"]:
            self.errors.append(subscription)
            return socket.close(1008, "subscribe first")
        self.subscriptions.append(subscription)
        socket.send(json.dumps({"result": None, "id": subscription["id"]}, separators=(",", ":")))
        for n, message in enumerate(messages()):
            socket.send(message)
            if n % PING_EVERY == PING_EVERY - 1:
                socket.send(f'{{"ping":{n}}}')
                self.wait_for(socket, lambda said: said == {"pong": n})
        self.wait_for(socket, lambda said: self.pings > 0)
        socket.close(1000)

    def wait_for(self, socket, is_it):
        """Answers the client's pings until it has sent what is waited for."""
        while True:
            said = json.loads(socket.recv(timeout=TIMEOUT_S))
            if said.get("method") == "ping":
                self.pings += 1
                socket.send(json.dumps({"id": said["id"], "status": 200, "result": {}}, separators=(",", ":")))
            if is_it(said):
                return
