"""Captures of feeds, played back to clients of these feeds with the scripts of examples/pass-through (docs/guide/pass-through.md)."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import websockets.sync.client

from binance_feed import MESSAGES, BinanceFeed, messages
from served import Failure, digest_of, expect, wait_for

HERE = Path(__file__).resolve().parent
SCRIPTS = HERE.parent.parent / "examples" / "pass-through"
TIMEOUT_S = 60
SILENCE_S = 0.2
# messages before the ping of a client
STEP = 1_000
SUBSCRIBE = '{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}'


def capture_binance(tradesim):
    """Captures the feed: subscribes, sends pings, and answers those of the feed. Heartbeats are not stored."""
    with BinanceFeed() as feed:
        tradesim.run(
            "capture", f"{feed.url}/stream", "-o", "binance.parquet", "--send", SUBSCRIBE,
            "--ping", '{"id":2,"method":"ping"}', "--ping-every", "100ms",
            "--ignore", '{"id":2,"status":200,*', "--answer", '{"ping":*}={"pong":*}',
        )
        expect("errors of the feed", feed.errors, [])
        expect("subscriptions", feed.subscriptions, [json.loads(SUBSCRIBE)])
    # the acknowledgement is the first
    expect("messages", tradesim.info("binance.parquet")["events"]["raw"], MESSAGES + 1)
    return f"{MESSAGES:,} messages, {feed.pings} pings"


def strict_client(tradesim, speed):
    """A client that insists on the handshake, and that its pings are answered."""
    args = ["--speed", speed, "--start-paused", "--client-script", SCRIPTS / "binance.toml"]
    with tradesim.replay("binance.parquet", *args) as server:
        with websockets.sync.client.connect(f"{server.url}/stream?streams=any", compression=None) as socket:
            answer = lambda: json.loads(socket.recv(timeout=TIMEOUT_S))  # noqa: E731
            with contextlib.suppress(TimeoutError):
                raise Failure(f"before the subscription: {socket.recv(timeout=SILENCE_S)}")
            socket.send('{"method":"SUBSCRIBE","params":[],"id":7}')
            expect("answer without a stream", answer()["error"]["code"], 2)
            expect("state", server.status()["state"], "waiting")
            socket.send('{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":8}')
            expect("acknowledgement", answer(), {"result": None, "id": 8})
            wait_for("the start", lambda: server.status()["state"] == "paused")
            # the acknowledgement of the recording is its first message, and left out
            server.control("step", messages=STEP + 1)
            received = [socket.recv(timeout=TIMEOUT_S) for _ in range(STEP)]
            # in the middle of the stream
            socket.send('{"id":"p","method":"ping"}')
            pong = answer()
            expect("answer to the ping", (pong["id"], pong["status"], pong["result"]), ("p", 200, {}))
            server.control("resume")
            received += list(socket)
            expect("close code", socket.close_code, 1000)
        # texts are texts and bytes are bytes
        expect("messages as sent by the feed", received == list(messages()), True)
        report = server.finish()
    expect("delivered", report["clients"][0]["delivered"], True)
    return f"{len(received):,} messages"


def vendors_client(tradesim):
    texts = [text.encode() for text in messages() if isinstance(text, str)]
    with tradesim.replay("binance.parquet", "--speed", "max", "--client-script", SCRIPTS / "binance.toml") as server:
        command = [sys.executable, HERE / "binance_connector.py", server.url]
        env = {**os.environ, "PYTHONPATH": str(HERE.parent / "clients")}
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, env=env)
        expect("exit code", (done.returncode, done.stderr[-500:] if done.returncode else ""), (0, ""))
        expect("what it received", json.loads(done.stdout), {"messages": len(texts), "digest": digest_of(texts)})
        server.finish()
    return f"{len(texts):,} messages"


def capture_massive(tradesim, archive):
    """Captures the dialect of a replay, as a capture of the vendor would be."""
    with tradesim.replay(archive, "--speed", "max") as server:
        tradesim.run(
            "capture", f"{server.url}/stocks", "-o", "massive.parquet",
            "--send", '{"action":"auth","params":"key"}',
            "--send", '{"action":"subscribe","params":"T.*,Q.*,AM.*"}',
        )
        server.finish()
    frames = tradesim.cat("massive.parquet")
    of_the_stream = tradesim.cat(archive, "--dialect", "massive")
    # greeting, authentication, and an acknowledgement for each channel
    expect("frames", frames[5:] == of_the_stream, True)
    return f"{len(frames):,} messages"


def massive_clients(tradesim, start, finish, expected, node):
    """The vendor's clients in Python and JavaScript, with the script that answers them."""
    args = ["massive.parquet", "--speed", "max", "--wait-clients", "2", "--client-script", SCRIPTS / "massive.toml"]
    with tradesim.replay(*args) as server:
        clients = [
            start("massive", [sys.executable, HERE / "massive_python.py", f"127.0.0.1:{server.port}", "key"], expected),
            start("@massive.com/client-js", ["node", HERE / "massive.mjs", f"{node}/node_modules", server.url, "key"], expected),
        ]
        said = [finish(client) for client in clients]
        expect("clients", len(server.finish()["clients"]), 2)
    return said[0]


def massive_without_script(tradesim, start, finish, expected):
    """The recorded answers are enough for a client that waits for them in this order."""
    with tradesim.replay("massive.parquet", "--speed", "max", "--pass-through") as server:
        client = start("massive", [sys.executable, HERE / "massive_python.py", f"127.0.0.1:{server.port}", "key"], expected)
        said = finish(client)
        server.finish()
    return said


def run(cases, tradesim, archive, start, finish, expected, node):
    """Runs the cases. `start` and `finish` run a client of a vendor, which must print what is `expected`."""
    cases.run("capture of a Binance-like feed", capture_binance, tradesim)
    for speed in ["max", "1x"]:
        cases.run(f"its capture to a client that insists on the handshake, at {speed}", strict_client, tradesim, speed)
    cases.run("its capture to binance-connector", vendors_client, tradesim)
    cases.run("capture of the Massive dialect", capture_massive, tradesim, archive)
    cases.run("its capture to the clients of Massive", massive_clients, tradesim, start, finish, expected, node)
    cases.run("its capture to massive without a script", massive_without_script, tradesim, start, finish, expected)
