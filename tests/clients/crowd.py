"""Many clients at once: one that reads nothing, more than the server takes, floods, and what memory they cost."""

import concurrent.futures
import errno
import re
import threading
import time

from served import ContentDigest, Failure, expect, wait_for
from wire import PING, PONG, Client, Closed, Receiver, close_frame, frame, receive_all

CLIENTS = 50
WORKERS = 2
MEMORY_BYTES_MAX = 256 << 20
TOO_SLOW = re.compile(r"last seq (\d+); too slow, resume with from_seq=(\d+)")


class Memory:
    """Looks at the anonymous memory of a server, all the time."""

    def __init__(self, server):
        self.server = server
        self.seen = []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def look(self):
        while not self.stopped.wait(0.02):
            self.seen.append((self.server.status()["seq"], self.server.anonymous_bytes()))

    def stop(self):
        self.stopped.set()
        self.thread.join()
        return max(size for _, size in self.seen)


def digests(port, count):
    """Digest and close of so many clients, in a process of its own."""
    receivers = [Receiver(port) for _ in range(count)]
    got = {receiver: ContentDigest() for receiver in receivers}
    receive_all(receivers, lambda receiver, data: receiver.take(data, got[receiver].push_all))
    return [(digest.text(), receiver.close) for receiver, digest in got.items()]


def one_of_fifty_stalls(tradesim, hour):
    info = tradesim.info(hour)
    total = info["events"]["total"]
    with (tradesim.replay(hour, "--speed", "max", "--stay", "--wait-clients", CLIENTS) as server,
          concurrent.futures.ProcessPoolExecutor(WORKERS) as pool):
        stalled = Receiver(server.port)
        sizes = [len(range(index, CLIENTS - 1, WORKERS)) for index in range(WORKERS)]
        others = [pool.submit(digests, server.port, size) for size in sizes]
        memory = Memory(server)
        # it reads nothing until the server has given it up
        wait_for("the server gives up the stalled client",
                 lambda: any("closing a slow client" in line for line in server.said))
        digest = ContentDigest()
        receive_all([stalled], lambda receiver, data: receiver.take(data, digest.push_all))
        code, reason = stalled.close or (None, "")
        expect("close of the stalled client", code, 1013)
        last, again = map(int, TOO_SLOW.fullmatch(reason).groups())
        expect("messages up to the seq of the close", (digest.count, again), (last + 1, last + 1))
        resumed = Receiver(server.port, f"/?from_seq={again}")
        expect("first seq", int(resumed.client.headers["tradesim-start-seq"]), again)
        receive_all([resumed], lambda receiver, data: receiver.take(data, digest.push_all))
        expect("messages of the stalled client", digest.count, total)
        expect("digest of the stalled client", digest.text(), info["digest"])
        outcomes = [outcome for other in others for outcome in other.result()]
        expect("other clients", len(outcomes), CLIENTS - 1)
        expect("their digests and closes", set(outcomes), {(info["digest"], (1000, "delivered"))})
        most = memory.stop()
    expect("clients closed as too slow", server.report["closed_slow"], 1)
    if most > MEMORY_BYTES_MAX:
        raise Failure(f"{most >> 20} MiB of anonymous memory")
    return f"closed after seq {last} of {total}, {most >> 20} MiB of anonymous memory at most"


def memory_does_not_grow_with_the_recording(tradesim):
    """A whole day for four clients: once the ring is full, nothing grows any more."""
    day = tradesim.record("day.parquet")
    with tradesim.replay(day, "--speed", "max", "--wait-clients", "4", "--linger", "0s") as server:
        receivers = [Receiver(server.port) for _ in range(4)]
        memory = Memory(server)
        ended = {}

        def take(receiver, data):
            # who reads this much must not look at it; the close is what comes last
            receiver.rest = (receiver.rest + data)[-64:]
            if b"\x03\xe8delivered" in receiver.rest and receiver not in ended:
                ended[receiver] = receiver.rest
                receiver.client.send(close_frame(1000))

        receive_all(receivers, take)
        most = memory.stop()
        report = server.finish()
    expect("clients that got all", [client["delivered"] for client in report["clients"]], [True] * 4)
    # the first third fills the ring; a server that has ended frees it
    middle = [size for seq, size in memory.seen if report["messages"] / 3 < seq < report["messages"] * 2 / 3]
    late = [size for seq, size in memory.seen if report["messages"] * 2 / 3 < seq < report["messages"]]
    if not middle or not late:
        raise Failure(f"memory was seen too seldom: {len(memory.seen)} times")
    if most > MEMORY_BYTES_MAX or max(late) > max(middle) + (16 << 20):
        raise Failure(f"{max(middle) >> 20} MiB, later {max(late) >> 20} MiB, {most >> 20} MiB at most")
    rate = report["sent"] / report["seconds"]
    return f"{most >> 20} MiB of anonymous memory at most, {rate:,.0f} messages a second to each of four"


def more_than_the_cap(tradesim, hour):
    """1,100 connections where 1,024 are let in: the others are told so, and the witness goes on."""
    messages = tradesim.cat(hour, "--limit", "10")
    options = ["--start-paused", "--wait-clients", "0", "--stay", "--max-connections-per-address", "2000"]
    with tradesim.replay(hour, *options) as server:
        witness = Client(server.port).open()
        clients, let_in, refused, turned_away = [], 1, 0, 0
        for _ in range(1100):
            client = Client(server.port)
            clients.append(client)
            try:
                client.open()
                let_in += 1
            except Failure as failure:
                expect("a refusal", str(failure), "the handshake got 503")
                clients.pop().reset()
                refused += 1
            except Closed:
                clients.pop().reset()
                turned_away += 1
        if not server.is_healthy():
            raise Failure("the server is not healthy")
        expect("clients let in", let_in, 1024)
        server.control("step", messages=1)
        for client in (witness, clients[0], clients[1000]):
            expect("a message", client.frame(), (0x81, messages[0]))
        for client in clients:
            client.reset()
        wait_for("the clients are gone", lambda: len(server.status()["clients"]) == 1)
        Client(server.port).open().reset()
        server.control("step", messages=1)
        expect("a message", witness.frame(), (0x81, messages[1]))
        witness.reset()
    return f"{let_in} let in, {refused + turned_away} refused"


def flood(what, sent, tradesim, hour):
    """A client that sends without end and reads nothing is stopped by its own socket or given up; others go on."""
    messages = tradesim.cat(hour, "--limit", "101")
    with tradesim.replay(hour, "--start-paused", "--wait-clients", "0", "--stay") as server:
        witness = Client(server.port).open()
        flooder = Client(server.port, receive_buffer=4096).open(protocol="tradesim.v1")
        flooder.socket.settimeout(0.5)
        block, total, ended = sent * (65536 // len(sent)), 0, "still there"
        until = time.monotonic() + 3
        seq = 0
        while time.monotonic() < until:
            try:
                total += flooder.socket.send(block)
            except TimeoutError:
                ended = "stopped by its socket"
            except OSError as error:
                expect("the end", error.errno in (errno.ECONNRESET, errno.EPIPE), True)
                ended = "given up"
                break
            if seq < 100 and total > seq << 20:
                server.control("step", messages=1)
                expect("a message", witness.frame(), (0x81, messages[seq]))
                seq += 1
        server.control("step", messages=1)
        expect("a message", witness.frame(), (0x81, messages[seq]))
        if not server.is_healthy():
            raise Failure("the server is not healthy")
        witness.reset()
        flooder.reset()
        memory = server.anonymous_bytes()
        if memory > MEMORY_BYTES_MAX // 4:
            raise Failure(f"{memory >> 20} MiB of anonymous memory")
    return f"{total >> 20} MiB taken, {ended}, {memory >> 20} MiB of anonymous memory"


def slow_one_is_waited_for(tradesim, quarter):
    """With `--on-slow wait` nobody is closed, and the report says how long it was waited."""
    info = tradesim.info(quarter)
    options = ["--speed", "max", "--on-slow", "wait", "--wait-clients", "2", "--buffer", "1MiB", "--linger", "0s"]
    with tradesim.replay(quarter, *options) as server:
        slow, fast = Receiver(server.port, receive_buffer=4096), Receiver(server.port)
        digest = {slow: ContentDigest(), fast: ContentDigest()}
        receive_all([fast], lambda receiver, data: receiver.take(data, digest[fast].push_all),
                    until=time.monotonic() + 1)
        before = digest[fast].count
        if before == info["events"]["total"]:
            raise Failure("the fast client did not wait")
        receive_all([slow, fast], lambda receiver, data: receiver.take(data, digest[receiver].push_all))
        report = server.finish()
    for receiver in (slow, fast):
        expect("digest", digest[receiver].text(), info["digest"])
        expect("close", receiver.close, (1000, "delivered"))
    expect("closed as slow", report["closed_slow"], 0)
    if report["waited"]["seconds"] < 0.5:
        raise Failure(f"waited {report['waited']}")
    return f"waited {report['waited']['seconds']:.2f} s"


def run_all(cases, tradesim, hour, quarter):
    cases.run("fifty clients, one of which stalls", one_of_fifty_stalls, tradesim, hour)
    cases.run("memory does not grow with the recording", memory_does_not_grow_with_the_recording, tradesim)
    cases.run("1,100 connections", more_than_the_cap, tradesim, hour)
    for what, sent in (("pings", frame(PING, b"x" * 125)), ("pongs", frame(PONG, b"x")),
                       ("subscriptions", frame(1, b'{"action":"subscribe","symbols":["AAPL"]}')),
                       ("bad messages", frame(1, b"?"))):
        cases.run(f"a flood of {what}", flood, what, sent, tradesim, hour)
    cases.run("a slow client that is waited for", slow_one_is_waited_for, tradesim, quarter)
