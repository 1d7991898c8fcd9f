#!/usr/bin/env python3
"""Clients of market-data vendors, unmodified, against the release binary: registry.py lists them.

At each speed one replay serves all of them at once, and each must receive what DuckDB finds in the archive: numbers of messages, sums of
times and of sizes, and exact sums of prices. Then the frames of each dialect are compared with `cat --dialect`, byte for byte, and captures of
feeds are played back to clients of these feeds.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import websockets.sync.client

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "clients"))

import pass_through
from expected import found_in
from registry import CLIENTS, KEY, SECRET, Server, Tools
from running import finish, start
from served import Cases, Tradesim, digest_of, expect, wait_for  # noqa: E402


def clients_at(cases, tradesim, archive, found, tools, speed):
    clients = [client for client in CLIENTS if client.needs is None or getattr(tools, client.needs)]
    args = ["--speed", speed, "--wait-clients", len(clients), "--databento-port", "0", "--api-key", f"{KEY}:{SECRET}"]
    with tradesim.replay(archive, *args) as server:
        announced = wait_for("the gateway", lambda: [line for line in server.said if line.startswith("databento gateway")])
        at = Server(server.port, int(announced[0].rsplit(":", 1)[1]))
        started = [
            start(client.name, client.command(tools, at), {kind: found[values] for kind, values in client.receives.items()})
            for client in clients
        ]
        failed = cases.failed
        for client in started:
            cases.run(f"{client[0]} at {speed}", finish, client)
        # one that never subscribed would be waited for
        if cases.failed == failed:
            cases.run(f"the server's report at {speed}", lambda: expect("messages", server.finish()["sent"], found["all"]))


# path, what a client sends to receive everything, and filters of the stream
DIALECTS = {
    "massive": ("/stocks", ['{"action":"auth","params":"k"}', '{"action":"subscribe","params":"T.*,Q.*,AM.*"}'], []),
    "alpaca": (
        "/v2/sip",
        [
            '{"action":"auth","key":"k","secret":"s"}',
            '{"action":"subscribe","trades":["*"],"quotes":["*"],"bars":["*"],"dailyBars":["*"]}',
        ],
        [],
    ),
    # there is no name for all symbols
    "finnhub": ("/finnhub?token=k", ['{"type":"subscribe","symbol":"AAPL"}'], ["--symbols", "AAPL"]),
}

# greeting, authentication and acknowledgements are not of the stream
OF_THE_SESSION = ('[{"ev":"status"', '[{"T":"success"', '[{"T":"subscription"')


def frames_are_those_of_cat(tradesim, archive, name):
    path, messages, filters = DIALECTS[name]
    printed = tradesim.cat(archive, "--dialect", name, *filters)
    with tradesim.replay(archive, "--speed", "max", "--at-end", "close", *filters) as server:
        with websockets.sync.client.connect(f"{server.url}{path}", compression=None) as socket:
            for message in messages:
                socket.send(message)
            received = [text.encode() for text in socket if not text.startswith(OF_THE_SESSION)]
        server.finish()
    expect("number of frames", len(received), len(printed))
    expect("digest", digest_of(received), digest_of(printed))
    return f"{len(printed):,} frames, {digest_of(printed)[:19]}…"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--node", help="folder of Node's packages")
    parser.add_argument("--go", help="program of the clients for Go")
    parser.add_argument("speeds", nargs="*", default=["max", "50x"])
    return parser.parse_intermixed_args()


def main():
    args = arguments()
    tools = Tools(args.node, args.go)
    cases = Cases()
    with tempfile.TemporaryDirectory() as folder:
        tradesim = Tradesim(args.binary, folder)
        name = tradesim.record("minutes.parquet", "--from", "09:40", "--to", "09:50")
        found = found_in(f"{folder}/{name}")
        found["all"] = tradesim.info(name)["events"]["total"]
        for speed in args.speeds:
            clients_at(cases, tradesim, name, found, tools, speed)
        for dialect in DIALECTS:
            cases.run(f"cat --dialect {dialect}", frames_are_those_of_cat, tradesim, name, dialect)
        expected = {kind: found[kind, "ms"] for kind in ["trades", "quotes", "minutes"]}
        pass_through.run(cases, tradesim, name, start, finish, expected, args.node)
    sys.exit(cases.summary())


if __name__ == "__main__":
    main()
