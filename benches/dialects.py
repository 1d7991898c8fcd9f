#!/usr/bin/env python3
"""Clients of dialects beside our own, measured on raw sockets: messages per second at `--speed max`.

    benches/dialects.py [PROGRAM] [--rounds 5] [--date 2026-02-18] [--seed 42] [--rate 20] [--json]

Every client is a socket whose bytes are read into one buffer and only counted, so it is never the bottleneck. Each round starts a replay for
each measurement, one after the other, so that other work on the machine disturbs all of them alike; the figures are medians over the rounds.
The bytes that a client receives must be those of `cat --dialect`, else nothing is printed. Exit code 3 if a limit is not met:

    alone       a dialect delivers at least 0.5 times the messages per second of our own protocol
    beside      with a client of a dialect beside it, a client of our own protocol is at least 0.9 times as fast as with another of our own
    on time     at 50x, the lateness (p99) of a client of our own with a client of each dialect is at most 1.2 times that with as many of our own,
                or at most 0.2 ms more
"""

import argparse
import json
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from hashlib import sha256
from pathlib import Path

ALONE, BESIDE, LATE_FACTOR, LATE_MS = 0.5, 0.9, 1.2, 0.2
KEY = "db-0123456789abcdefghijklmnopqrs"

# path, and what a client sends to receive everything
DIALECTS = {
    "massive": ("/stocks", ['{"action":"auth","params":"k"}', '{"action":"subscribe","params":"T.*,Q.*,AM.*"}']),
    "alpaca": (
        "/v2/sip",
        [
            '{"action":"auth","key":"k","secret":"s"}',
            '{"action":"subscribe","trades":["*"],"quotes":["*"],"bars":["*"],"dailyBars":["*"]}',
        ],
    ),
}
# the gateway: records instead of frames
DATABENTO = ["trades", "mbp-1", "ohlcv-1m"]


class Failed(Exception):
    pass


class Server:
    def __init__(self, program, *arguments):
        command = [program, "replay", "--no-env", "--json", "--port=0", "--databento-port=0", "--at-end=close", *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        said = ""
        while "databento gateway on" not in said:
            line = self.process.stderr.readline()
            if not line:
                raise Failed(f"the replay ended: {said}")
            said += line
        self.port, self.gateway = (int(port) for port in re.findall(r" on \S*:(\d+)", said)[:2])
        # nobody may wait for the reader of a pipe
        rest, self.process.stderr = self.process.stderr, None
        threading.Thread(target=rest.read, daemon=True).start()

    def report(self):
        out, _ = self.process.communicate(timeout=120)
        if self.process.returncode != 0:
            raise Failed(f"exit code {self.process.returncode}: {out}")
        return json.loads(out)


def frame(text):
    """Returns a text message of a client, masked with zeros."""
    payload = text.encode()
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + payload


def until(connection, end):
    got = b""
    while end not in got:
        part = connection.recv(1)
        if not part:
            raise Failed(f"closed after {got!r}")
        got += part
    return got


def connect(server, kind):
    """Connects and subscribes to everything. The client counts for the start of the playback from then on."""
    port = server.gateway if kind == "databento" else server.port
    connection = socket.create_connection(("127.0.0.1", port))
    connection.settimeout(120)
    if kind == "databento":
        challenge = re.search(rb"cram=(\S+)", until(connection, b"\n") + until(connection, b"\n"))[1].decode()
        proof = sha256(f"{challenge}|{KEY}".encode()).hexdigest()
        connection.sendall(f"auth={proof}-{KEY[-5:]}|dataset=EQUS.SIP|encoding=dbn|ts_out=0\n".encode())
        until(connection, b"\n")
        for schema in DATABENTO:
            connection.sendall(f"schema={schema}|stype_in=raw_symbol|symbols=ALL_SYMBOLS\n".encode())
        connection.sendall(b"start_session=0\n")
        return connection
    path, messages = DIALECTS.get(kind, ("/", []))
    connection.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    if not until(connection, b"\r\n\r\n").startswith(b"HTTP/1.1 101"):
        raise Failed(f"{kind}: no handshake")
    connection.sendall(b"".join(map(frame, messages)))
    return connection


class Reader(threading.Thread):
    """Counts the bytes of a connection until it ends, and takes the time from the first of the stream to the last."""

    def __init__(self, connection):
        super().__init__()
        self.connection, self.bytes, self.seconds = connection, 0, None
        self.start()

    def run(self):
        buffer = memoryview(bytearray(1 << 20))
        first = last = None
        while count := self.connection.recv_into(buffer):
            last = time.perf_counter()
            # answers to a subscription are smaller than this, and arrive before the playback begins
            if first is None and count > 16_384:
                first = last
            self.bytes += count
            if buffer[count - 1 : count] == b"d" and buffer[:count].tobytes().endswith(b"delivered"):
                # the server waits for the answer to its close
                self.connection.sendall(b"\x88\x82\0\0\0\0\x03\xe8")
        self.connection.close()
        self.seconds = last - first if first else None


def replay(program, archive, kinds, *arguments):
    """Replays to these clients at once. Returns the messages per second of the first, and the report."""
    server = Server(program, archive, f"--wait-clients={len(kinds)}", *arguments)
    readers = [Reader(connect(server, kind)) for kind in kinds]
    for reader in readers:
        reader.join()
    report = server.report()
    if not all(client["delivered"] for client in report["clients"]):
        raise Failed(f"a client did not receive everything: {report['clients']}")
    first = report["clients"][0]
    return (first["sent"] / readers[0].seconds if readers[0].seconds else None), report, readers


def measured(options, archive):
    program = options.program
    kinds = ["own", *DIALECTS, "databento"]
    alone = {kind: [] for kind in kinds}
    beside = {kind: [] for kind in kinds}
    for _ in range(options.rounds):
        for kind in kinds:
            rate, report, readers = replay(program, archive, [kind], "--speed=max")
            alone[kind].append(rate)
            if kind in DIALECTS:
                expect_bytes(program, archive, kind, report["clients"][0]["sent"], readers[0].bytes)
        for kind in kinds:
            beside[kind].append(replay(program, archive, ["own", kind], "--speed=max")[0])
    late = {"own": [], "dialects": []}
    for _ in range(options.rounds):
        for name, others in [("own", ["own"] * 3), ("dialects", kinds[1:])]:
            report = replay(program, archive, ["own", *others], "--speed=50x", "--from=09:30", "--to=09:32")[1]
            # clients are listed in the order in which they left
            own = [client for client in report["clients"] if client["sent"] == report["sent"]]
            late[name].append(own[0]["late_ms"]["p99"])
    return alone, beside, late


def expect_bytes(program, archive, kind, messages, received):
    """Compares what a client received with `cat`, once for each dialect."""
    if kind not in EXPECTED:
        out = subprocess.run([program, "cat", "--no-env", "--dialect", kind, archive], stdout=subprocess.PIPE, check=True).stdout
        lines = out.split(b"\n")[:-1]
        EXPECTED[kind] = (len(lines), sum(len(line) + (2 if len(line) < 126 else 4) for line in lines))
    count, size = EXPECTED[kind]
    # greeting, acknowledgements and pings come in addition
    if messages != count or not size < received < size + 4_096:
        raise Failed(f"{kind}: {messages} messages in {received} bytes, expected {count} in {size}")


EXPECTED = {}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", nargs="?", default="target/release/tradesim")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--date", default="2026-02-18")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--rate", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "day.parquet"
        subprocess.run(
            [options.program, "record", "--no-env", f"--date={options.date}", f"--seed={options.seed}", f"--rate={options.rate}", "-o", archive],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        alone, beside, late = measured(options, archive)
    # each round is a pair: the medians of the ratios, not the ratios of medians
    paired = lambda of, to: statistics.median(one / other for one, other in zip(of, to, strict=True))  # noqa: E731
    late_ms = {name: statistics.median(values) for name, values in late.items()}
    result = {
        "alone": {kind: {"messages_per_second": round(statistics.median(rates)), "ratio": round(paired(rates, alone["own"]), 3)}
                  for kind, rates in alone.items()},
        "beside": {kind: {"messages_per_second": round(statistics.median(rates)), "ratio": round(paired(rates, beside["own"]), 3)}
                   for kind, rates in beside.items()},
        "late_p99_ms": late_ms,
    }
    if options.json:
        print(json.dumps(result))
    else:
        for name, limit in [("alone", ALONE), ("beside", BESIDE)]:
            for kind, figures in result[name].items():
                print(f"{name:<8} {kind:<10} {figures['messages_per_second']:>10,}/s  {figures['ratio']:.2f} (at least {limit})")
        print(f"on time  p99 {late_ms['own']} ms with our own, {late_ms['dialects']} ms with dialects")
    slow = [kind for kind in alone if result["alone"][kind]["ratio"] < ALONE] + [kind for kind in beside if result["beside"][kind]["ratio"] < BESIDE]
    is_late = late_ms["dialects"] > max(late_ms["own"] * LATE_FACTOR, late_ms["own"] + LATE_MS)
    return 3 if slow or is_late else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as failed:
        sys.exit(f"benches/dialects.py: {failed}")
