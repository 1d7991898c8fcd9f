#!/usr/bin/env python3
"""NautilusTrader and its adapter for Databento, unmodified, against the gateway: BINARY [SPEED…]

The adapter has no address to set: it connects to port 13000 of the host of its dataset. So this program must run where that name is this machine
and nothing else can be reached (.ci/nautilus). At each speed an actor must receive what DuckDB finds in the archive: numbers of ticks and
bars, sums of times and of sizes, and exact sums of prices.
"""

import socket
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "clients"))

from expected import found_in, listings, tops_of_book
from registry import KEY
from running import finish, start
from served import Cases, Failure, Tradesim, expect, wait_for  # noqa: E402

PORT = 13_000
DATASET = "EQUS.MINI"
HOST = "equs-mini.lsg.databento.com"
VENUES = {"NYSE": "XNYS", "NASDAQ": "XNAS", "AMEX": "XASE", "ARCA": "ARCX", "BATS": "BATS"}
# what the gateway sends before the first message of the stream, in bytes: greeting, answer to the key and metadata, then one record for
# each line of a subscription and one for each symbol
START_BYTES, LINE_BYTES, SYMBOL_BYTES = 79 + 128, 320, 176
# the adapter subscribes to definition, mbp-1 and ohlcv-1m of each instrument
LINES = 3


def bytes_sent(server):
    """Returns the number of bytes that were sent to clients."""
    _, text = server.http("GET", "/metrics")
    name = "tradesim_replay_bytes_sent_total "
    return next(int(line.removeprefix(name)) for line in text.decode().splitlines() if line.startswith(name))


def node_at(tradesim, archive, instruments, expected, speed):
    # the adapter starts its session with the first of its subscriptions, and playback has to wait for the last
    args = ["--speed", speed, "--start-paused", "--databento-port", PORT, "--api-key", KEY]
    with tradesim.replay(archive, *args) as server:
        command = [sys.executable, HERE / "nautilus_python.py", KEY, DATASET, *instruments]
        client = start("nautilus_trader", command, expected)
        subscribed = START_BYTES + len(instruments) * (LINES * LINE_BYTES + SYMBOL_BYTES)
        wait_for("the subscriptions", lambda: bytes_sent(server) >= subscribed or client[1].poll() is not None)
        server.control("resume")
        said = finish(client)
        server.finish()
    return said


def main():
    try:
        addresses = {place[0] for *_, place in socket.getaddrinfo(HOST, PORT)}
    except OSError as error:
        raise Failure(f"{HOST} has no address here: {error}") from error
    expect(f"address of {HOST}", addresses, {"127.0.0.1"})
    cases = Cases()
    with tempfile.TemporaryDirectory() as folder:
        tradesim = Tradesim(sys.argv[1], folder)
        name = tradesim.record("minutes.parquet", "--from", "09:40", "--to", "09:50")
        found = found_in(f"{folder}/{name}")
        quotes, before_books = tops_of_book(f"{folder}/{name}")
        expected = {
            "trades": found["trades", "us"],
            "quotes": quotes,
            "quotes without a book": before_books,
            "minutes": found["minutes without vwap", "us"],
        }
        instruments = [f"{symbol}.{VENUES[exchange]}" for symbol, exchange in listings(f"{folder}/{name}")]
        for speed in sys.argv[2:] or ["max", "50x"]:
            cases.run(f"nautilus_trader at {speed}", node_at, tradesim, name, instruments, expected, speed)
    sys.exit(cases.summary())


if __name__ == "__main__":
    main()
