#!/usr/bin/env python3
"""What can only be measured, by a clock of this machine: BINARY

Each measurement has a bound with slack, and three attempts, because the machine may be busy with other things; what was
measured is printed every time. Run it on a quiet machine to learn something, and anywhere to learn that it still holds.
"""

import collections
import datetime
import json
import statistics
import sys
import tempfile
import threading
import time

import hostile
from served import Cases, ContentDigest, Failure, Tradesim, expect, wait_for
from wire import Receiver, close_frame, receive_all

ATTEMPTS = 3

# Speeds, and the recorded time that takes ten seconds at each.
SPEEDS = {"1x": ("10:00:00", "10:00:10"), "10x": ("10:00:00", "10:01:40"), "50x": ("10:00:00", "10:08:20")}
RATE_SLACK = 0.001

# A burst, the share of its messages that may come in another second than they were recorded in, and how far the rate
# within it may be from the recorded one, both in relation to the half minute before.
BURST = ["--burst-at", "10:00", "--burst-for", "30s", "--burst-multiplier", "20"]
SHAPE_SPEED = 10
MOVED_MAX = 0.02
BURST_SLACK = 0.01

# Fifty clients, with and without one that stalls.
CLIENTS = 50
LATENESS_SPEED = "20x"
LATENESS_RATIO_MAX = 1.5
AHEAD = 20_000


def recorded_seconds(messages):
    """When each message was recorded, in seconds of Unix time."""
    stamps = (json.loads(message)["timestamp"] for message in messages)
    return [datetime.datetime.fromisoformat(stamp).timestamp() for stamp in stamps]


def timed(tradesim, file, speed):
    """Replays a file to one client. When each message was recorded, when it came, and the report."""
    digest, came, messages = ContentDigest(), [], []
    with tradesim.replay(file, "--speed", speed, "--linger", "0s") as server:
        receiver = Receiver(server.port)

        def take(receiver, data):
            now = time.monotonic()
            receiver.take(data, lambda texts: (messages.extend(texts), came.extend([now] * len(texts))))

        receive_all([receiver], take)
        report = server.finish()
    digest.push_all(messages)
    expect("digest", digest.text(), tradesim.info(file)["digest"])
    return recorded_seconds(messages), came, report


def late(report):
    return ", ".join(f"{name} {report['late_ms'][name]:.2f} ms" for name in ("p50", "p99", "max"))


def mean_rate(tradesim, speed):
    """The mean rate over ten seconds is that of the schedule."""
    begin, end = SPEEDS[speed]
    file = f"rate-{speed}.parquet"
    tradesim.run("filter", "bursts.parquet", "--from", begin, "--to", end, "-o", file, "--force")
    recorded, came, report = timed(tradesim, file, speed)
    achieved = (recorded[-1] - recorded[0]) / (came[-1] - came[0]) / float(speed.rstrip("x"))
    rate = len(recorded) / (came[-1] - came[0])
    said = f"{achieved:.5f} of the schedule, {rate:,.0f} messages a second, late {late(report)}"
    if abs(achieved - 1) > RATE_SLACK:
        raise Failure(said)
    return said


def shape(tradesim):
    """What a client counts in each second, rescaled, is what the archive has."""
    tradesim.run("filter", "bursts.parquet", "--from", "09:59:30", "--to", "10:01", "-o", "shape.parquet", "--force")
    recorded, came, report = timed(tradesim, "shape.parquet", f"{SHAPE_SPEED}x")
    # no message is early: the one that is least late says where the schedule is
    offset = min(at - when / SHAPE_SPEED for when, at in zip(recorded, came))
    first = int(recorded[0])
    wanted, found = collections.Counter(), collections.Counter()
    for when, at in zip(recorded, came):
        wanted[int(when) - first] += 1
        found[int((at - offset) * SHAPE_SPEED) - first] += 1
    moved = sum((wanted - found).values()) / len(recorded)
    bursts = [sum(counts[second] for second in range(30, 60)) / sum(counts[second] for second in range(30))
              for counts in (wanted, found)]
    said = (f"{len(wanted)} seconds of {min(wanted.values())} to {max(wanted.values())} messages, {moved:.2%} moved to "
            f"another; burst {bursts[1]:.3f} times the half minute before, recorded {bursts[0]:.3f}; "
            f"late {late(report)}")
    if moved > MOVED_MAX or abs(bursts[1] / bursts[0] - 1) > BURST_SLACK:
        raise Failure(said)
    return said


class Crowd:
    """Fifty clients, one of which measures by its pings, and one of which may read nothing."""

    def __init__(self, server, with_stalled):
        self.server = server
        self.stalled = Receiver(server.port, receive_buffer=4096) if with_stalled else None
        self.others = [Receiver(server.port) for _ in range(CLIENTS - 1 - with_stalled)]
        self.observer = Receiver(server.port, protocol="tradesim.v1")
        self.latencies_ms = []

    def take(self, receiver, data):
        if receiver is self.observer:
            receiver.take(data, lambda texts: None, self.note)
        elif b"\x03\xe8delivered" in data[-32:]:
            # not looking at what they read, they cost little of what is measured
            receiver.client.send(close_frame(1000))

    def note(self, ping):
        due = json.loads(ping)["due"]
        if due is not None:
            self.latencies_ms.append(time.time() * 1000 - due / 1000)

    def start(self):
        """Plays, at first as fast as it goes, so much that a client which reads nothing is behind for good."""
        server = self.server
        server.control("step", messages=AHEAD)
        wait_for("the first messages are there", lambda: self.behind() == ([AHEAD] if self.stalled else []))
        server.control("speed", speed=LATENESS_SPEED)
        server.control("resume")

    def behind(self):
        """Of the clients that have less than was played, how much that was."""
        status = self.server.status()
        return [status["seq"] for client in status["clients"] if client["seq"] < status["seq"]]

    def run(self):
        starting = threading.Thread(target=self.start)
        starting.start()
        receive_all([*self.others, self.observer], self.take)
        starting.join()
        if self.stalled:
            expect("clients that are behind", len(self.behind()), 1)
            self.stalled.client.reset()


def lateness(tradesim, with_stalled):
    """Median lateness of all clients but the stalled one, as the server measures it at its sockets, and as one client
    does by its pings, in ms."""
    options = ["--speed", "max", "--start-paused", "--wait-clients", "0", "--stall", "60s", "--stay"]
    with tradesim.replay("lateness.parquet", *options) as server:
        crowd = Crowd(server, with_stalled)
        crowd.run()
    medians = [client["late_ms"]["p50"] for client in server.report["clients"] if client["delivered"]]
    expect("clients that got all", len(medians), CLIENTS - with_stalled)
    return statistics.median(medians), statistics.median(crowd.latencies_ms)


def stalled_client_delays_nobody(tradesim):
    tradesim.run("filter", "bursts.parquet", "--to", "10:00:00", "-o", "lateness.parquet", "--force")
    runs = [lateness(tradesim, with_stalled) for with_stalled in (False, True) * 2]
    said, bad = [], False
    for what, index in (("at the sockets", 0), ("at a client", 1)):
        without, beside = [statistics.mean(run[index] for run in runs[start::2]) for start in (0, 1)]
        bad |= beside > LATENESS_RATIO_MAX * without
        said.append(f"{what} {without:.3f} ms, beside a stalled one {beside:.3f} ms ({beside / without:.2f}x)")
    said = "; ".join(said)
    if bad:
        raise Failure(said)
    return said


def attempts(measure, *args):
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return measure(*args)
        except Failure as failure:
            if attempt == ATTEMPTS:
                raise
            print(f"once more, as {failure}", flush=True)


def main():
    cases = Cases()
    with tempfile.TemporaryDirectory() as folder:
        tradesim = Tradesim(sys.argv[1], folder)
        tradesim.record("bursts.parquet", "--from", "09:50", "--to", "10:10", *BURST)
        for speed in SPEEDS:
            cases.run(f"mean rate at {speed}", attempts, mean_rate, tradesim, speed)
        cases.run("shape of a burst", attempts, shape, tradesim)
        cases.run("median lateness of 50 clients", attempts, stalled_client_delays_nobody, tradesim)
        hour = tradesim.record("hour.parquet", "--from", "09:30", "--to", "10:30")
        day = tradesim.record("day.parquet")
        total = tradesim.info(day)["events"]["total"]
        honest = hostile.an_honest_client_waits_for_nobody
        cases.run("an honest client among hostile ones", attempts, honest, tradesim, day, total)
        cases.run("clients at 50 KB/s", hostile.one_that_keeps_reading_is_not_too_slow, tradesim, day)
        cases.run("the end behind a stalled client", hostile.a_stalled_client_holds_nobody_up, tradesim, hour)
    sys.exit(cases.summary())


main()
