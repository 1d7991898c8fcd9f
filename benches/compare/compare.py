#!/usr/bin/env python3
"""Runs a pipeline of the usual design beside tradesim, on this machine and in the same minute, and prints the ratios.

`pip install -r benches/compare/requirements.txt`, `cargo build --release`, then `python benches/compare/compare.py`. It takes two
minutes; `--quick` takes some seconds and is for CI, which only sees that it works.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
import confluent_kafka
import plan

ROOT = Path(__file__).resolve().parent.parent.parent


def timed(seconds, work):
    """Calls a second of `work`, which is called for about this long."""
    begin = time.perf_counter()
    count = 0
    while time.perf_counter() - begin < seconds:
        for _ in range(20):
            work()
        count += 20
    return count / (time.perf_counter() - begin)


def theirs(seconds):
    generator = plan.Generator(1)
    yield "generate, as JSON lines", timed(seconds, generator.message)
    messages = [generator.message() for _ in range(int(4000 * seconds))]
    count, taken = asyncio.run(plan.broadcast(messages))
    assert count == len(messages), f"{count} of {len(messages)} came"
    yield "to one WebSocket client", count / taken
    rotating = iter(messages * 100)
    yield "parse, validate, Avro", timed(seconds, lambda: plan.avro(next(rotating), plan.validate_each_time))
    yield "the same, validators made once", timed(seconds, lambda: plan.avro(next(rotating), plan.validate_prepared))


def their_bridge(seconds, brokers, messages):
    """Messages to acknowledged records a second, with validators that are made once."""
    producer = confluent_kafka.Producer({"bootstrap.servers": brokers, "acks": "all", "enable.idempotence": True, "linger.ms": 10})
    acknowledged = 0

    def delivered(error, _):
        nonlocal acknowledged
        assert error is None, error
        acknowledged += 1

    begin = time.perf_counter()
    for count, message in enumerate(messages):
        key, value = plan.avro(message, plan.validate_prepared)
        producer.produce("raw.trades", value, key=key, on_delivery=delivered)
        producer.poll(0)
        if time.perf_counter() - begin > seconds:
            break
    producer.flush()
    assert acknowledged == count + 1
    return acknowledged / (time.perf_counter() - begin)


class Server:
    """A command of tradesim that says where it listens, and is ended with the block."""

    def __init__(self, command, stream, marker):
        self.process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        lines = getattr(self.process, stream)
        self.line = next(line for line in lines if marker in line).strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate()


def run(*command):
    done = subprocess.run(command, text=True, capture_output=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr}")
    return done.stdout


def ours(tradesim, folder, rate):
    archive = folder / "day.parquet"
    report = json.loads(run(tradesim, "record", "--date", "2026-02-18", "--seed", "42", "--rate", rate, "-o", archive, "--json"))
    total = report["events"]["total"]
    yield "generate, as JSON lines", total / report["seconds"]
    replay = [tradesim, "replay", archive, "--speed", "max", "--on-slow", "wait", "--port", "0"]
    with Server(replay, "stderr", "listening on ") as server:
        url = server.line.split()[-1]
        received = json.loads(run(tradesim, "tail", url, "--digest", "--json"))
        assert received["digest"] == report["digest"]
        yield "to one WebSocket client", received["count"] / received["seconds"]
    with (
        Server([tradesim, "dev", "broker"], "stdout", ":") as brokers,
        Server([tradesim, "dev", "registry", "--port", "0"], "stdout", "http") as registry,
        Server(replay, "stderr", "listening on ") as server,
    ):
        url = server.line.split()[-1]
        bridged = json.loads(run(
            tradesim, "bridge", "--ws-uri", url, "--bootstrap-servers", brokers.line, "--schema-registry-url", registry.line,
            "--register-schemas", "--until-end", "--metrics-port", "0", "--json"))
        assert bridged["produced"] == total
        yield "WebSocket to acknowledged by (embedded) brokers", total / bridged["seconds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tradesim", default=ROOT / "target/release/tradesim", metavar="PATH")
    parser.add_argument("--quick", action="store_true", help="see that it works; the figures mean nothing")
    options = parser.parse_args()
    seconds, rate = (0.2, "1") if options.quick else (8, "20")
    before = dict(theirs(seconds))
    generator = plan.Generator(2)
    messages = [generator.message() for _ in range(int(15_000 * seconds))]
    with Server([options.tradesim, "dev", "broker"], "stdout", ":") as brokers:
        before["WebSocket to acknowledged by (embedded) brokers"] = their_bridge(seconds, brokers.line, messages)
    with tempfile.TemporaryDirectory() as folder:
        now = dict(ours(options.tradesim, Path(folder), rate))
    print(f"{'messages a second':50}{'usual design':>14}{'tradesim':>14}{'ratio':>9}")
    for name, rate in before.items():
        if name in now:
            print(f"{name:50}{rate:14,.0f}{now[name]:14,.0f}{now[name] / rate:9,.0f}")
        else:
            print(f"{name:50}{rate:14,.0f}{'see `bridge`':>14}")


if __name__ == "__main__":
    main()
