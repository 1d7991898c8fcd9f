"""Feeds made by Python's `websockets`, which selects no subprotocol, into `bridge`, `tail` and `capture`: one connection, and
every message that is sent on it arrives."""

import contextlib
import json
import subprocess

import websockets

from capture import feed
from served import PATIENCE_S, Failure, digest_of, expect


def at_once(messages, connections):
    """Sends everything as soon as a client is there, and says goodbye."""

    async def handler(socket):
        connections.append(socket.subprotocol)
        with contextlib.suppress(websockets.ConnectionClosed):
            for message in messages:
                await socket.send(message)

    return handler


@contextlib.contextmanager
def stand_in(tradesim, *args):
    """A stand-in of `tradesim dev`; gives the line that it prints."""
    process = subprocess.Popen(
        tradesim.command("dev", *args), cwd=tradesim.folder, env=tradesim.env,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )
    try:
        line = process.stdout.readline().strip()
        if not line:
            raise Failure(f"dev {args} ended")
        yield line
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def bridged(tradesim, archive):
    messages = [line.decode() for line in tradesim.cat(archive, "--limit", "1200")]
    for _ in range(5):
        connections = []
        with (
            stand_in(tradesim, "broker") as brokers,
            stand_in(tradesim, "registry", "--port", "0") as registry,
            feed(at_once(messages, connections)) as url,
        ):
            report = json.loads(tradesim.run(
                "bridge", "--ws-uri", url, "--bootstrap-servers", brokers, "--schema-registry-url", registry,
                "--register-schemas", "--metrics-port", "0", "--delivery", "at-least-once", "--until-end", "--json",
            ))
        expect("connections", connections, [None])
        expect("received", report["received"], len(messages))
        expect("produced", report["produced"], len(messages))
        expect("reconnects", report["reconnects"], 0)
    return f"5 times {len(messages)} messages"


def tailed_and_captured(tradesim, archive):
    messages = [line.decode() for line in tradesim.cat(archive, "--limit", "1200")]
    digest = digest_of([message.encode() for message in messages])
    connections = []
    with feed(at_once(messages, connections)) as url:
        report = json.loads(tradesim.run("tail", url, "--digest", "--json"))
        expect("count", report["count"], len(messages))
        expect("digest", report["digest"], digest)
        report = json.loads(tradesim.run("capture", url, "-o", "at_once.parquet", "--json"))
        expect("digest", report["digest"], digest)
    expect("connections", connections, [None, None])
    return f"{len(messages)} messages"


def run_all(cases, tradesim, archive):
    cases.run("a feed without a subprotocol, bridged", bridged, tradesim, archive)
    cases.run("the same, tailed and captured", tailed_and_captured, tradesim, archive)
