#!/usr/bin/env python3
"""The state of the market and the timeline of a large recording, as clients and pages wait for them.

    benches/page.py [PROGRAM] [FILE] [--rate 1060] [--states 40] [--seed 1] [--json]

Without FILE, a day of about 100 million messages is recorded first (0.8 GB, in a folder that is removed; minutes of one core). The server is a
process of its own, paused. Measured are, at random places of the recording:

    handshake          without a state: what a state is compared with
    state=books        the handshake of a client that asks for the state. It is answered when the state was read
    state=orders       the same with the list of open orders
    timeline           `GET /timeline`, once for each of three servers: a server keeps its answer

Each figure has the time that the client waited and the processor time of the server, as the operating system counts it. Other work on the
machine disturbs the former; limits apply to the time that the client waited, unless --cpu is given. The time of the timeline depends on the
number of cores: a server with two uses one of them, with eight it uses four. Exit code 3 if a limit is exceeded:

    state=books        50 ms in the median, and 100 ms in the worst case
    timeline           1 s for each 100 million messages, in the median
"""

import argparse
import base64
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

STATE_MEDIAN_MS, STATE_MAX_MS = 50, 100
TIMELINE_S_PER_100M = 1.0
TIMELINES = 3


class Server:
    """A paused replay in a process of its own."""

    def __init__(self, program, file):
        arguments = [program, "replay", file, "--no-env", "--port", "0", "--start-paused", "--stay"]
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if line.startswith("listening on "):
                self.address = urlsplit(line.split()[-1])
                return
        raise SystemExit(f"{program} replay {file} ended before it listened")

    def cpu_s(self):
        """The processor time so far, also that of threads that have ended."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.address.netloc}{path}", timeout=600) as answer:
            return json.load(answer)

    def join(self, query):
        """Connects with the subprotocol. Returns the seconds until the handshake was answered."""
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET /?{query} HTTP/1.1\r\nHost: {self.address.netloc}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: tradesim.v1\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        )
        with socket.create_connection((self.address.hostname, self.address.port)) as peer:
            started = time.perf_counter()
            peer.sendall(request.encode())
            answer = b""
            while b"\r\n\r\n" not in answer:
                received = peer.recv(65536)
                if not received:
                    raise SystemExit(f"no answer to {query}")
                answer += received
            took = time.perf_counter() - started
        if b" 101 " not in answer[:20] or (b"state" in query.encode()) != (b"tradesim-state: 0" in answer):
            raise SystemExit(f"{query}: {answer[:300]!r}")
        return took

    def end(self):
        self.process.terminate()
        self.process.communicate()


def measured(server, run, count):
    """Runs something several times. Returns figures in ms."""
    waited, before = [], server.cpu_s()
    for _ in range(count):
        waited.append(1000 * run())
    cpu = 1000 * (server.cpu_s() - before) / count
    return {"median_ms": statistics.median(waited), "max_ms": max(waited), "cpu_ms": cpu}


def timeline(program, file):
    server = Server(program, file)
    before, started = server.cpu_s(), time.perf_counter()
    found = server.get("/timeline")
    took, cpu = time.perf_counter() - started, server.cpu_s() - before
    server.end()
    counted = sum(sum(bins) for segment in found["segments"] for bins in segment["bins"].values())
    if counted != found["messages"]:
        raise SystemExit(f"the bins have {counted} messages, the recording {found['messages']}")
    return took, cpu


def measure(options, file):
    server = Server(options.program, file)
    messages = server.get("/status")["messages"]
    places = random.Random(options.seed)
    kinds = {"handshake": "", "state=books": "&state=books", "state=orders": "&state=orders"}
    figures = {"messages": messages, "cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}
    for name, query in kinds.items():
        run = lambda: server.join(f"from_seq={places.randrange(messages)}{query}")  # noqa: E731
        figures[name] = measured(server, run, options.states)
    server.end()
    outlines = [timeline(options.program, file) for _ in range(TIMELINES)]
    figures["timeline"] = {
        "median_s": statistics.median(took for took, _ in outlines),
        "max_s": max(took for took, _ in outlines),
        "cpu_s": statistics.median(cpu for _, cpu in outlines),
    }
    return figures


def exceeded(figures, cpu):
    books, outline, size = figures["state=books"], figures["timeline"], figures["messages"] / 1e8
    state_ms = books["cpu_ms" if cpu else "median_ms"]
    seconds = outline["cpu_s" if cpu else "median_s"] / size
    found = []
    if state_ms > STATE_MEDIAN_MS:
        found.append(f"state=books takes {state_ms:.0f} ms: the limit is {STATE_MEDIAN_MS}")
    if not cpu and books["max_ms"] > STATE_MAX_MS:
        found.append(f"state=books takes {books['max_ms']:.0f} ms in the worst case: the limit is {STATE_MAX_MS}")
    if seconds > TIMELINE_S_PER_100M:
        found.append(f"the timeline takes {seconds:.2f} s for 100 million messages: the limit is {TIMELINE_S_PER_100M}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", default="target/release/tradesim")
    parser.add_argument("file", nargs="?")
    parser.add_argument("--rate", type=int, default=1060)
    parser.add_argument("--states", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cpu", action="store_true", help="judge the processor time: for a machine with other work")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = options.file
        if file is None:
            file = Path(folder) / "day.parquet"
            record = ["record", "--no-env", "--date", "2026-02-18", "--seed", "42", f"--rate={options.rate}", "-o", file]
            subprocess.run([options.program, *record], check=True, stdout=subprocess.DEVNULL)
        figures = measure(options, file)
    failed = exceeded(figures, options.cpu)
    if options.json:
        print(json.dumps({**figures, "exceeded": failed}, indent=2))
    else:
        print(f"{figures['messages']:,} messages, {figures['cores']} cores, load {figures['load']:.1f}")
        for name in ["handshake", "state=books", "state=orders"]:
            one = figures[name]
            print(f"{name:14} median {one['median_ms']:7.1f} ms   worst {one['max_ms']:7.1f} ms   processor {one['cpu_ms']:7.1f} ms")
        one = figures["timeline"]
        print(f"{'timeline':14} median {one['median_s']:7.2f} s    worst {one['max_s']:7.2f} s    processor {one['cpu_s']:7.2f} s")
    for line in failed:
        print(line, file=sys.stderr)
    return 3 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
