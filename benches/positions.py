#!/usr/bin/env python3
"""The time until a bridge knows where to continue, when many shards share the topic of positions.

    benches/positions.py [PROGRAM] [--shards 50] [--seconds 30] [--json]

Fills the topic on the embedded brokers of PROGRAM with what so many shards write that commit ten times per second. Then a bridge that stopped a
moment ago, one that stopped half of the time ago, and one with a new run start, and state how many records they read and how long the search
took. The brokers are librdkafka's mock cluster in another process, which keeps 5 MiB of the topic. Needs the package confluent-kafka.
"""

import argparse
import json
import re
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True

from confluent_kafka import Producer  # noqa: E402
from stand_ins import checked, stand_ins  # noqa: E402

COMMITS_A_SECOND = 10
TOPIC = "tradesim.positions"
RUN = "nightly"


def search(program, folder, archive, run, peers):
    """Publishes an archive as a run. Returns what its bridge states about the search for its position."""
    _, said = checked(program, folder, "publish", archive, "--run", run, *peers, "--log-format", "json")
    lines = [json.loads(line)["fields"] for line in said.splitlines() if line.startswith("{")]
    return next(fields for fields in lines if fields.get("message") == "position read")


def fill(servers, stream, shards, seconds):
    """Writes the positions of other shards, and of one run of `stream` that stopped in the middle."""
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 5, "compression.type": "snappy"})
    commits = seconds * COMMITS_A_SECOND

    def write(stream, run, commit):
        value = {"schema_version": 1, "stream": stream, "run": run, "next_seq": 0, "bridge": "0123456789abcdef"}
        while True:
            try:
                producer.produce(TOPIC, json.dumps(value, separators=(",", ":")).encode(), f"{stream}/{run}".encode())
                return
            except BufferError:
                producer.poll(0.05)

    for commit in range(commits):
        for shard in range(1, shards):
            write(f"{shard:032x}", RUN, commit)
        if commit < commits // 2:
            write(stream, "stopped", commit)
        write(stream, "recent", commit)
    producer.flush(60)
    return commits * shards + commits // 2


def measure(options, folder):
    program = str(Path(options.program).resolve())
    archive = folder / "minute.parquet"
    checked(program, folder, "record", "--date", "2026-02-18", "--seed", "1", "--rate", "1", "--from", "09:30", "--to", "09:31", "-o", archive)
    with stand_ins(program, folder) as peers:
        # the stream id follows from the archive
        stream = re.match(r"([0-9a-f]+)/", search(program, folder, archive, "first", peers)["identity"])[1]
        written = fill(peers[1], stream, options.shards, options.seconds)
        found = {run: search(program, folder, archive, run, peers) for run in ("recent", "stopped", "new")}
    return {"written": written, "searches": {run: {"records": fields["records"], "ms": int(fields["search_ms"])} for run, fields in found.items()}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", default="target/release/tradesim")
    parser.add_argument("--shards", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tradesim-positions-") as folder:
        result = measure(options, Path(folder))
    if options.json:
        print(json.dumps(result))
        return
    print(f"{options.shards} shards for {options.seconds} s: {result['written']:,} positions")
    for run, found in result["searches"].items():
        print(f"{run:<10}{found['records']:>8,} records  {found['ms']:>6,} ms")


main()
