"""The tables of RFC 6455 and of HTTP against a server, while another client is served and has to notice nothing."""

import json
import threading

from conformance_table import CASES, PLAIN_CASES, echoed
from http_table import HANDSHAKES, PLAIN, REFUSED
from served import Failure, expect, wait_for
from wire import CLOSE, PING, PONG, Client, Closed, close_frame, frame

SUBPROTOCOL = "tradesim.v1"
EVENT = b'{"schema_version":'
PASSED_OVER = ("start", "position")
END_WITHIN_S = 3


class Witness:
    """A client that is served while others misbehave: it must get every message of the archive, once and in order."""

    def __init__(self, server, messages):
        self.server = server
        self.messages = messages
        self.client = Client(server.port).open()
        self.seq = int(self.client.headers["tradesim-start-seq"])

    def next(self):
        first, payload = self.client.frame()
        if first == 0x80 | PING:
            self.client.send(frame(PONG, payload))
            return self.next()
        expect(f"first byte of the witness's message {self.seq}", first, 0x81)
        expect(f"message {self.seq} of the witness", payload, self.messages[self.seq % len(self.messages)])
        self.seq += 1

    def stop(self):
        self.client.reset()

    def step(self):
        """Plays one message, and gets it."""
        self.server.control("step", messages=1)
        self.next()


class BusyWitness(Witness):
    """One that is served all the time, by a thread of its own."""

    def __init__(self, server, messages):
        super().__init__(server, messages)
        self.failure = None
        self.stopped = False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        try:
            while not self.stopped:
                self.next()
        except Exception as failure:  # told where the case is counted
            self.failure = failure

    def step(self):
        seq = self.seq
        wait_for("the witness gets on", lambda: self.failure or self.seq > seq)
        if self.failure:
            raise self.failure

    def stop(self):
        self.stopped = True
        self.thread.join()
        super().stop()


def next_answer(client):
    """The next frame that is no event, and no notice that comes by itself."""
    while True:
        first, payload = client.frame()
        if first == 0x81 and payload.startswith(EVENT):
            continue
        if first == 0x80 | PING:
            continue
        if first == 0x81 and json.loads(payload).get("notice") in PASSED_OVER:
            continue
        return first, payload


def expect_end(client):
    # the server ends a connection that is closed, and is not asked to wait for anything (section 7.1.1)
    client.socket.settimeout(END_WITHIN_S)
    try:
        first, payload = next_answer(client)
    except Closed as closed:
        # a reset may destroy the close before it; it is right where a client goes on sending behind the end
        if closed.how == "rst" and not client.goes_on:
            raise Failure("the connection was reset") from closed
        return
    raise Failure(f"behind the close came {first:#x} {payload!r}")


def match(client, expected, pongs):
    """Takes the next answer, which has to be this one, and the pongs that come before it.

    A pong need not keep its place among the answers to messages, and is not owed any more where the connection ends.
    """
    kind = expected[0]
    first, payload = next_answer(client)
    while pongs and (first, payload) == (0x80 | PONG, pongs[0]):
        pongs.pop(0)
        first, payload = next_answer(client)
    what = f"expected {expected}, found {first:#x} {payload[:200]!r}"
    if kind == "newest pong":
        last = -1
        while first == 0x80 | PONG and last < int(payload) < int(expected[1]):
            last = int(payload)
            first, payload = next_answer(client)
        found = (first, payload) == (0x80 | PONG, expected[1])
    elif kind == "notice":
        said = json.loads(payload) if first == 0x81 else {}
        found = said.get("notice") == expected[1] and (expected[2] is None or said.get("code") == expected[2])
    elif kind == "closed":
        code, reason = int.from_bytes(payload[:2], "big"), payload[2:].decode()
        found = first == 0x80 | CLOSE and code in expected[1] and reason.startswith(expected[2]) and reason != ""
        if found:
            client.send(frame(CLOSE, payload[:2]))
            expect_end(client)
    elif kind == "echoed":
        code = b"" if expected[1] is None else expected[1].to_bytes(2, "big")
        found = (first, payload) == (0x80 | CLOSE, code)
        if found:
            expect_end(client)
    if not found:
        raise Failure(what)


def send_all(client, pieces):
    try:
        for piece in pieces:
            client.send(piece)
    except Closed:
        pass  # what came before that is still to be read


def run_case(server, witness, protocol, sent, expected, way):
    early = b"".join(sent) if way == "with the handshake" else b""
    if way == "byte by byte":
        data = b"".join(sent)
        size = 1 if len(data) < 16 * 1024 else 4093
        sent = [data[at:at + size] for at in range(0, len(data), size)]
    with Client(server.port).open(protocol=protocol, early=early) as client:
        client.goes_on = way == "byte by byte"
        if not early:
            send_all(client, sent)
        pongs = [one[1] for one in expected if one[0] == "pong"]
        for one in expected:
            if one[0] != "pong":
                match(client, one, pongs)
        if not expected or expected[-1][0] not in ("closed", "echoed"):
            while pongs:
                expect("a pong", next_answer(client), (0x80 | PONG, pongs.pop(0)))
            client.send(close_frame(1000))
            match(client, echoed(1000), [])
    witness.step()
    if not server.is_healthy():
        raise Failure("the server is not healthy")


def all_that_comes(client):
    """All that comes before the end."""
    try:
        while True:
            client.read()
    except Closed:
        return bytes(client.input)


def run_handshake(server, witness, request, status, headers):
    with Client(server.port) as client:
        send_all(client, [request])
        if status is None:
            return expect("what it gets", all_that_comes(client), b"")
        found, answered, _ = client.answer()
        expect("status", found, status)
        for name, value in headers.items():
            expect(name, answered.get(name), value)
        if status == 101:
            client.send(close_frame(1000))
            match(client, echoed(1000), [])
    witness.step()


def run_refused(server, witness, query, code):
    with Client(server.port).open(f"/?{query}") as client:
        match(client, ("closed", (1008,), f"{code}: "), [])
    witness.step()


def run_plain(server, witness, request, status, body):
    with Client(server.port) as client:
        client.send(request)
        found, headers, _ = client.answer()
        content = all_that_comes(client)
        expect("status", found, status)
        if not content.startswith(body) or (body == b"" and content):
            raise Failure(f"body {content[:200]!r}, expected {body!r}")
        if status == 200 and not request.startswith(b"HEAD"):
            expect("length", int(headers["content-length"]), len(content))
    witness.step()


def run_all(cases, tradesim, hour):
    messages = tradesim.cat(hour)
    paused = ["--start-paused", "--wait-clients", "0", "--stay"]
    with tradesim.replay(hour, *paused) as server:
        witness = Witness(server, messages)
        for way in ("piece by piece", "with the handshake", "byte by byte"):
            for name, sent, expected in CASES:
                cases.run(f"{name}, {way}", run_case, server, witness, SUBPROTOCOL, sent, expected, way)
            for name, sent, expected in PLAIN_CASES:
                cases.run(f"plain client: {name}, {way}", run_case, server, witness, None, sent, expected, way)
        for name, request, status, headers in HANDSHAKES:
            cases.run(f"handshake: {name}", run_handshake, server, witness, request, status, headers)
        for query, code in REFUSED:
            cases.run(f"query: {query}", run_refused, server, witness, query, code)
        for name, request, status, body in PLAIN:
            cases.run(f"http: {name}", run_plain, server, witness, request, status, body)
        witness.stop()
    with tradesim.replay(hour, "--speed", "20x", "--loop") as server:
        witness = BusyWitness(server, messages)
        for name, sent, expected in CASES:
            cases.run(f"{name}, while it plays", run_case, server, witness, SUBPROTOCOL, sent, expected, "in pieces")
        for name, sent, expected in PLAIN_CASES:
            cases.run(f"plain client: {name}, while it plays", run_case, server, witness, None, sent, expected,
                      "in pieces")
        cases.run("the witness has every message", witness.stop)
