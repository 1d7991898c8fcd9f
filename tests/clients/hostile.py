"""Clients that mean no good, and one that does: how long the latter waits, measured."""

import contextlib
import socket
import threading
import time

from served import ContentDigest, Failure, expect, wait_for
from wire import CLOSE, PING, PONG, Client, Receiver, frame, frames, handshake, receive_all

READERS = 8
READER_BYTES_PER_SECOND = 200_000
ABORTED = 150
SYMBOLS = ["AAPL", "MSFT", "NVDA", "AMZN", "GOOGL"]
FIRST_MESSAGE_S_MAX = 1.0

STEADY_BYTES_PER_SECOND = 50_000
STEADY_S = 25

ENDS_WITHIN_S = 15


class SteadyReader(threading.Thread):
    """Reads so many bytes a second, without a break, and answers pings only where it is told to."""

    def __init__(self, port, target, bytes_per_second, *, answers=False):
        super().__init__(daemon=True)
        self.client = Client(port).open(target)
        self.per_turn = bytes_per_second // 20
        self.answers = answers
        self.stopped = threading.Event()
        self.digest = ContentDigest()
        self.rest = bytes(self.client.input)
        self.close = None
        self.how = None
        self.start()

    def run(self):
        begun, read = time.monotonic(), 0
        try:
            while not self.stopped.is_set():
                data = self.client.socket.recv(self.per_turn)
                if not data:
                    self.how = "fin"
                    return
                self.take(data)
                read += len(data)
                ahead = read / (20 * self.per_turn) - (time.monotonic() - begun)
                if ahead > 0:
                    self.stopped.wait(ahead)
        except OSError as error:
            self.how = type(error).__name__

    def take(self, data):
        found, used = frames(self.rest + data)
        self.rest = (self.rest + data)[used:]
        self.digest.push_all([payload for first, payload in found if first in (0x81, 0x82)])
        for first, payload in found:
            if first == 0x80 | CLOSE:
                self.close = (int.from_bytes(payload[:2], "big"), payload[2:].decode())
            elif first == 0x80 | PING and self.answers:
                self.client.send(frame(PONG, payload))

    def stop(self):
        self.stopped.set()
        self.join()
        self.client.reset()


def first_message(port, target):
    """Seconds from the connection to the first whole message."""
    begun = time.monotonic()
    with Client(port).open(target) as client:
        client.frame()
        return time.monotonic() - begun


def abort(port, target):
    with contextlib.suppress(OSError):
        one = socket.create_connection(("127.0.0.1", port))
        one.sendall(handshake(target))
        one.close()


def an_honest_client_waits_for_nobody(tradesim, day, total):
    """Eight readers of what was played, and many who ask for what has to be counted and go at once."""
    with tradesim.replay(day, "--speed", "max", "--wait-clients", "0", "--stay") as server:
        wait_for("the day was played", lambda: server.status()["state"] == "ended")
        readers = [SteadyReader(server.port, f"/?from_seq={1000 * number}", READER_BYTES_PER_SECOND)
                   for number in range(READERS)]
        for number in range(ABORTED):
            chosen = ",".join(SYMBOLS[:1 + number % len(SYMBOLS)])
            abort(server.port, f"/?symbols={chosen}&from_seq={50_000 + number}")
        waits = {
            "from_seq": first_message(server.port, f"/?from_seq={total // 2}"),
            "from_seq and a filter": first_message(server.port, "/?symbols=AAPL&events=trade&from_seq=20000"),
            "the same again": first_message(server.port, "/?symbols=AAPL&events=trade&from_seq=20000"),
        }
        for reader in readers:
            if reader.how or reader.close:
                raise Failure(f"a reader ended: {reader.how} {reader.close}")
            reader.stop()
        longest = max(waits.values())
        if longest > FIRST_MESSAGE_S_MAX:
            raise Failure(f"first messages after {waits}")
    return ", ".join(f"{what} after {seconds * 1000:.0f} ms" for what, seconds in waits.items())


def one_that_keeps_reading_is_not_too_slow(tradesim, day):
    """Far behind a play at max, and longer than --stall: nobody closes it, and what it got is right."""
    with tradesim.replay(day, "--speed", "max", "--wait-clients", "2", "--stay") as server:
        readers = [SteadyReader(server.port, "/", STEADY_BYTES_PER_SECOND, answers=answers) for answers in (False, True)]
        time.sleep(STEADY_S)
        for reader in readers:
            if reader.how or reader.close:
                raise Failure(f"it was closed: {reader.how} {reader.close}, pings answered: {reader.answers}")
        ended = server.status()["state"]
        counts = [reader.digest.count for reader in readers]
        for reader in readers:
            reader.stop()
    expect("closed as too slow", server.report["closed_slow"], 0)
    return f"{counts} messages in {STEADY_S} s, the play {ended}"


def a_stalled_client_holds_nobody_up(tradesim, hour):
    """The last client takes nothing: the replay ends all the same, with the default options."""
    with tradesim.replay(hour, "--speed", "max", "--wait-clients", "2") as server:
        stalled = Client(server.port, receive_buffer=4096).open()
        good = Receiver(server.port)
        digest = ContentDigest()
        receive_all([good], lambda receiver, data: receiver.take(data, digest.push_all))
        delivered = time.monotonic()
        report = server.finish()
        seconds = time.monotonic() - delivered
        stalled.reset()
    expect("close of the other", good.close, (1000, "delivered"))
    expect("closed as too slow", report["closed_slow"], 1)
    if seconds > ENDS_WITHIN_S:
        raise Failure(f"it ended {seconds:.1f} s after the last delivery")
    return f"ended {seconds:.1f} s after the last delivery"
