"""A WebSocket feed that serves any list of frames: with the headers and notices of docs/PROTOCOL.md, or as a plain one."""

import contextlib
import json
import threading
import urllib.parse

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve


class Feed:
    """Serves frames (`str` as text, `bytes` as binary) on a free port of 127.0.0.1, while the context lasts."""

    def __init__(self, frames, run=None):
        """With a run the feed can be resumed; without one it is like any other feed of the contract's messages."""
        self.frames = frames
        self.run = run
        self.stream = "f" * 32
        self._server = serve(self._handle, "127.0.0.1", 0, compression=None, process_response=self._headers,
                             subprotocols=["tradesim.v1"] if run else None, ping_interval=None)
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()

    def _headers(self, connection, request, response):
        if self.run:
            response.headers["tradesim-stream"] = self.stream
            response.headers["tradesim-run"] = self.run
            response.headers["tradesim-start-seq"] = str(self._start(request.path))

    def _start(self, path):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)
        return int(query["from_seq"][0]) if self.run and "from_seq" in query else 0

    def _handle(self, connection):
        start = self._start(connection.request.path)
        noticed = connection.subprotocol == "tradesim.v1"
        with contextlib.suppress(ConnectionClosed):
            if noticed:
                connection.send(json.dumps({"notice": "start", "stream": self.stream, "run": self.run, "seq": start, "digest": None,
                                            "speed": "max", "state": "playing"}))
            for frame in self.frames[start:]:
                connection.send(frame)
            if noticed:
                connection.send(json.dumps({"notice": "end", "seq": len(self.frames), "sent": len(self.frames) - start,
                                            "digest": None}))
            connection.close(1000, "delivered")
