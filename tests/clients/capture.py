"""A feed made by Python's `websockets`: partly the contract's messages in another layout, partly somebody else's, partly binary.
Captured and replayed it is the same, message by message."""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import threading

import websockets

from served import PATIENCE_S, Failure, digest_of, expect, wait_for


def messages_of(tradesim, archive):
    """Texts and bytes in turn, from a seeded generator."""
    draw = random.Random(7)
    messages = []
    for index, line in enumerate(tradesim.cat(archive, "--limit", "2000")):
        event = json.loads(line)
        shuffled = dict(draw.sample(list(event.items()), len(event)))
        choice = index % 5
        if choice == 0:
            messages.append(json.dumps(event))
        elif choice == 1:
            messages.append(json.dumps(shuffled, indent=1))
        elif choice == 2:
            messages.append(line.decode())
        elif choice == 3:
            messages.append(json.dumps({"e": "tick ü", "n": index, "p": draw.random()}, ensure_ascii=False))
        else:
            messages.append(draw.randbytes(draw.randrange(2000)))
    return messages + ["", b"", "x" * 200_000, draw.randbytes(200_000)]


@contextlib.contextmanager
def feed(handler):
    """A server in a thread of its own; gives its URL."""
    ready, state = threading.Event(), {}

    async def main():
        state["stop"], state["loop"] = asyncio.Event(), asyncio.get_running_loop()
        async with websockets.serve(handler, "127.0.0.1", 0) as server:
            state["port"] = server.sockets[0].getsockname()[1]
            ready.set()
            await state["stop"].wait()

    thread = threading.Thread(target=asyncio.run, args=(main(),), daemon=True)
    thread.start()
    if not ready.wait(PATIENCE_S):
        raise Failure("the feed did not start")
    try:
        yield f"ws://127.0.0.1:{state['port']}"
    finally:
        state["loop"].call_soon_threadsafe(state["stop"].set)
        thread.join(PATIENCE_S)


def sends(messages, pause_s=0.0, stays=False):
    async def handler(socket):
        # a client that is killed is what some cases are about
        with contextlib.suppress(websockets.ConnectionClosed):
            for index, message in enumerate(messages):
                await socket.send(message)
                if pause_s and index % 100 == 0:
                    await asyncio.sleep(pause_s)
            if stays:
                await socket.wait_closed()

    return handler


async def receive(url):
    """Texts as str, binary as bytes."""
    async with websockets.connect(url, max_size=None) as socket:
        return [message async for message in socket]


def bytes_of(message):
    return message.encode() if isinstance(message, str) else message


def check(tradesim, file, messages, speed):
    with tradesim.replay(file, "--speed", speed, "--linger", "0s") as server:
        received = asyncio.run(receive(server.url))
        report = server.finish()
    expect("messages", len(received), len(messages))
    for index, (found, expected) in enumerate(zip(received, messages)):
        if found != expected:
            raise Failure(f"message {index}: {found[:100]!r} instead of {expected[:100]!r}")
    expect("digest of the replay", report["digest"], digest_of([bytes_of(message) for message in messages]))
    return report


def captured_and_replayed(tradesim, archive):
    messages = messages_of(tradesim, archive)
    with feed(sends(messages, pause_s=0.02)) as url:
        report = json.loads(tradesim.run("capture", url, "-o", "feed.parquet", "--json"))
    expect("digest", report["digest"], digest_of([bytes_of(message) for message in messages]))
    expect("messages", report["events"]["total"], len(messages))
    # every fifth is our own text
    expect("messages stored by columns", report["events"]["total"] - report["events"]["raw"], 400)
    tradesim.run("verify", "feed.parquet")
    expect("cat", tradesim.run("cat", "feed.parquet"), b"".join(bytes_of(message) + b"\n" for message in messages))
    at_1x = check(tradesim, "feed.parquet", messages, "1x")
    # the feed paused 20 times, and so does its replay
    if at_1x["seconds"] < 0.3:
        raise Failure(f"a feed with pauses of 0.4 s was replayed in {at_1x['seconds']} s")
    check(tradesim, "feed.parquet", messages, "max")
    return f"{len(messages)} messages, {report['events']['raw']} of them raw"


def killed_and_recovered(tradesim, archive):
    messages = messages_of(tradesim, archive)
    journal = os.path.join(tradesim.folder, "killed.parquet.journal")
    with feed(sends(messages, stays=True)) as url:
        process = subprocess.Popen(
            tradesim.command("capture", url, "-o", "killed.parquet"), cwd=tradesim.folder, env=tradesim.env,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        # far enough to be in the middle, and not at the end
        wait_for("the journal", lambda: os.path.exists(journal) and os.path.getsize(journal) > 200_000)
        process.send_signal(signal.SIGKILL)
        expect("exit code", process.wait(PATIENCE_S), -signal.SIGKILL)
    report = json.loads(tradesim.run("recover", journal, "--json"))
    count = report["events"]["total"]
    expect("digest", report["digest"], digest_of([bytes_of(message) for message in messages[:count]]))
    tradesim.run("verify", "killed.parquet")
    check(tradesim, "killed.parquet", messages[:count], "max")
    return f"{count} messages, {report['torn_bytes']} bytes torn"


def run_all(cases, tradesim, archive):
    cases.run("a feed of Python's, captured and replayed", captured_and_replayed, tradesim, archive)
    cases.run("the same, killed with -9 and recovered", killed_and_recovered, tradesim, archive)
