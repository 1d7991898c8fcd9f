#!/usr/bin/env python3
"""Clients of market-data vendors, unmodified, against the release binary: BINARY NODE_PREFIX [SPEED…]

At each speed one replay serves all of them at once, and each must receive what DuckDB finds in the archive: numbers of messages, sums of
times and of sizes, and exact sums of prices. Then the frames of each dialect are compared with `cat --dialect`, byte for byte, and captures of
feeds are played back to clients of these feeds.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import websockets.sync.client

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "clients"))

import pass_through
from served import Cases, Failure, Tradesim, digest_of, expect, wait_for  # noqa: E402

# as the vendor's client checks it: 32 characters, the first three being db-
KEY = "db-0123456789abcdefghijklmnopqrs"
SECRET = "secret"
# the start of the playback counts a client at its first subscription, and Finnhub has one message for each symbol
SYMBOL = "AAPL"
TIMEOUT_S = 60

TRADES = "event_type = 'trade' AND status IN ('PARTIALLY_FILLED', 'FILLED')"
VALUES = {
    # name: rows, size, price
    "trades": (TRADES, "quantity", "price"),
    "quotes": ("event_type = 'orderbook'", "bid_size + ask_size", "bid_price + (bid_price + spread)"),
    "minutes": ("event_type = 'marketdata' AND interval = '1m'", "volume", "open + high + low + close + vwap"),
    "minutes without vwap": ("event_type = 'marketdata' AND interval = '1m'", "volume", "open + high + low + close"),
    "some trades": (f"{TRADES} AND symbol = '{SYMBOL}'", "quantity", "price"),
}


def found_in(archive):
    """Returns for each kind and unit of time what a client must receive."""
    found = {}
    for kind, (rows, size, price) in VALUES.items():
        for unit, micros in [("us", 1), ("ms", 1_000)]:
            query = f"""
                SELECT count(*), sum(epoch_us(coalesce(payload_ts, ts)) // {micros}), sum({size}), sum(({price}) * 10000)
                FROM '{archive}' WHERE {rows}"""
            found[kind, unit] = [int(value) for value in duckdb.sql(query).fetchall()[0]]
    return found


def run_client(what, command, expected):
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    done = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    return what, done, expected


def finish(client):
    what, process, expected = client
    try:
        out, errors = process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        out, errors = process.communicate()
        raise Failure(f"{what}: not within {TIMEOUT_S} s: {errors[-500:]}") from None
    if process.returncode != 0:
        raise Failure(f"{what}: exit code {process.returncode}: {errors[-500:]}")
    expect(what, json.loads(out.splitlines()[-1]), expected)
    return ", ".join(f"{kind} {sums[0]:,}" for kind, sums in expected.items())


def clients_at(cases, tradesim, archive, found, speed):
    python = sys.executable
    args = [archive, "--speed", speed, "--wait-clients", "6", "--databento-port", "0", "--api-key", f"{KEY}:{SECRET}"]
    with tradesim.replay(*args) as server:
        announced = wait_for("the gateway", lambda: [line for line in server.said if line.startswith("databento gateway")])
        gateway = announced[0].rsplit(":", 1)[1].strip()
        full = lambda unit: {kind: found[kind, unit] for kind in ["trades", "quotes", "minutes"]}  # noqa: E731
        databento = {
            "trades": found["trades", "us"],
            "book trades": found["trades", "us"],
            "quotes": found["quotes", "us"],
            "minutes": found["minutes without vwap", "us"],
        }
        address, url = f"127.0.0.1:{server.port}", server.url
        started = [
            run_client("alpaca-py", [python, HERE / "alpaca_python.py", f"{url}/v2/sip", KEY, SECRET], full("us")),
            run_client("@alpacahq/alpaca-trade-api", ["node", HERE / "alpaca.mjs", f"{NODE}/node_modules", f"{url}/v2/iex", KEY, SECRET], full("ms")),
            run_client("massive", [python, HERE / "massive_python.py", address, KEY], full("ms")),
            run_client("@massive.com/client-js", ["node", HERE / "massive.mjs", f"{NODE}/node_modules", url, KEY], full("ms")),
            run_client("databento", [python, HERE / "databento_python.py", "127.0.0.1", gateway, KEY], databento),
            run_client(
                "websocket-client (Finnhub)",
                [python, HERE / "finnhub_python.py", f"{url}/finnhub?token={KEY}", SYMBOL],
                {"trades": found["some trades", "ms"]},
            ),
        ]
        for client in started:
            cases.run(f"{client[0]} at {speed}", finish, client)
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


def main():
    cases = Cases()
    with tempfile.TemporaryDirectory() as folder:
        tradesim = Tradesim(sys.argv[1], folder)
        name = tradesim.record("minutes.parquet", "--from", "09:40", "--to", "09:50")
        found = found_in(f"{folder}/{name}")
        found["all"] = tradesim.info(name)["events"]["total"]
        for speed in sys.argv[3:] or ["max", "50x"]:
            clients_at(cases, tradesim, name, found, speed)
        for dialect in DIALECTS:
            cases.run(f"cat --dialect {dialect}", frames_are_those_of_cat, tradesim, name, dialect)
        expected = {kind: found[kind, "ms"] for kind in ["trades", "quotes", "minutes"]}
        pass_through.run(cases, tradesim, name, run_client, finish, expected, NODE)
    sys.exit(cases.summary())


NODE = sys.argv[2] if len(sys.argv) > 2 else ""
if __name__ == "__main__":
    main()
