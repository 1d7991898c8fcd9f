"""Clients that keep a server waiting: each is given up in its time, and no other notices."""

import contextlib
import threading
import time

from served import Failure, expect
from wire import PING, PONG, TEXT, Client, Closed, frame


def until_closed(client):
    """Seconds until the server ends a connection, and the last frame or bytes before that."""
    started = time.monotonic()
    try:
        while True:
            client.read()
    except Closed:
        return time.monotonic() - started


def takes(what, client, at_least, at_most):
    seconds = until_closed(client)
    if not at_least <= seconds <= at_most:
        raise Failure(f"{what}: closed after {seconds:.1f} s, not after {at_least} to {at_most} s")
    return f"closed after {seconds:.1f} s"


def silent(port):
    return takes("a connection that says nothing", Client(port), 4.5, 8)


def half_a_header(port):
    client = Client(port)
    client.send(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpg")
    return takes("half a header", client, 4.5, 8)


def dripping_header(port):
    client = Client(port)
    started = time.monotonic()
    client.socket.settimeout(0.2)
    client.send(b"GET / HTTP/1.1\r\n")
    for number in range(100):
        try:
            client.send(f"X-{number}: y\r\n".encode())
            client.read()
        except TimeoutError:
            continue
        except Closed:
            break
    seconds = time.monotonic() - started
    if not 4.5 <= seconds <= 8:
        raise Failure(f"closed after {seconds:.1f} s")
    return f"closed after {seconds:.1f} s"


def body_that_does_not_come(port):
    client = Client(port)
    client.send(b"POST /control/seek HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\n{")
    status, _, _ = client.answer()
    expect("status", status, 408)
    return takes("behind 408", client, 0, 3)


def close_that_is_not_answered(port):
    client = Client(port).open()
    client.send(frame(TEXT, b"hello"))
    return takes("a close that is not answered", client, 4, 8)


def client_that_answers_no_ping(port):
    """Its kernel takes everything, and nobody is there: 15 s to the ping, and 30 s to its answer."""
    client = Client(port).open()
    return takes("a client that answers no ping", client, 40, 50)


def client_that_answers_pings(port):
    client = Client(port).open()
    client.socket.settimeout(50)
    first, _ = client.frame()
    expect("after 15 s", first, 0x80 | PING)
    client.send(frame(PONG))
    first, _ = client.frame()
    expect("after 30 s", first, 0x80 | PING)
    return "pinged every 15 s"


def half_closed_client(port):
    """It has sent its FIN and no close: nothing of what it is sent can be for anybody."""
    client = Client(port).open()
    client.socket.shutdown(1)
    return takes("a half-closed client", client, 0, 3)


SLOW = [silent, half_a_header, dripping_header, body_that_does_not_come, close_that_is_not_answered,
        half_closed_client, client_that_answers_no_ping, client_that_answers_pings]


class Waiting:
    """All of these at once, beside whatever else is run."""

    def __init__(self, cases, tradesim, hour):
        self.cases = cases
        self.stack = contextlib.ExitStack()
        paused = ["--start-paused", "--wait-clients", "0", "--stay"]
        server = self.stack.enter_context(tradesim.replay(hour, *paused))
        self.outcomes = {}
        self.threads = [threading.Thread(target=self.run, args=(one, server.port), daemon=True) for one in SLOW]
        for thread in self.threads:
            thread.start()

    def run(self, one, port):
        try:
            self.outcomes[one] = one(port)
        except Exception as failure:  # told where the case is counted
            self.outcomes[one] = failure

    def finish(self):
        for thread in self.threads:
            thread.join()
        for one in SLOW:
            self.cases.run(one.__name__.replace("_", " "), told, self.outcomes[one])
        self.stack.close()


def told(outcome):
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def start(cases, tradesim, hour):
    return Waiting(cases, tradesim, hour)
