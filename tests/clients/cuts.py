"""A client that is cut a hundred times, by a RST or a FIN, wherever it stands, ends with the digest of the archive."""

import random
import socket

from served import ContentDigest, Failure, expect
from wire import Client, Closed, close_frame, frames

CUTS = 100
CHANCE = random.Random()


def reset(client):
    client.reset()


def reset_or_finish(client):
    """A RST, or a FIN that may be followed by one."""
    if CHANCE.random() < 0.5:
        client.reset()
    else:
        client.socket.shutdown(socket.SHUT_WR)
        client.socket.close()


def cut_a_hundred_times(tradesim, archive, cut, *replay):
    info = tradesim.info(archive)
    total = info["events"]["total"]
    bytes_in_all = sum(len(message) + 4 for message in tradesim.cat(archive))
    CHANCE.seed(4)
    digest, cuts, within_frames = ContentDigest(), 0, 0
    with tradesim.replay(archive, *replay, "--run", "cut") as server:
        while True:
            client = Client(server.port).open(f"/?from_seq={digest.count}&digest={info['digest']}")
            expect("run", client.headers["tradesim-run"], "cut")
            expect("first seq", int(client.headers["tradesim-start-seq"]), digest.count)
            # three quarters of the archive come in pieces, and what is left at the end
            limit = CHANCE.randrange(bytes_in_all * 3 // (2 * CUTS)) if cuts < CUTS else None
            within_frame, close = receive(client, limit, digest)
            if close is not None:
                client.send(close_frame(1000))
                break
            within_frames += within_frame
            cuts += 1
            cut(client)
        server.control("stop") if "--stay" in replay else server.finish()
    expect("close", close, b"\x03\xe8delivered")
    expect("cuts", cuts, CUTS)
    expect("messages", digest.count, total)
    expect("digest", digest.text(), info["digest"])
    if within_frames < CUTS // 2:
        raise Failure(f"only {within_frames} cuts were within a frame")
    return f"{cuts} cuts, {within_frames} within a frame, {digest.text()}"


def receive(client, limit, digest):
    """Reads so many bytes, or to the close; gives whether that ends within a frame, and the close."""
    data = bytes(client.input)
    left = float("inf") if limit is None else limit - len(data)
    while True:
        found, used = frames(data)
        digest.push_all([payload for first, payload in found if first == 0x81])
        data = data[used:]
        close = next((payload for first, payload in found if first == 0x88), None)
        if close is not None or left <= 0:
            return data != b"", close
        more = client.socket.recv(int(min(left, 1 << 16)))
        if not more:
            raise Closed("fin")
        data += more
        left -= len(more)


def run_all(cases, tradesim, archive):
    cases.run("a client that is cut a hundred times, at max", cut_a_hundred_times, tradesim, archive,
              reset_or_finish, "--speed", "max", "--stay")
    # what a reset destroyed was not delivered: the server may not end as long as the client may come back for it
    cases.run("the same, and the server waits for it", cut_a_hundred_times, tradesim, archive, reset,
              "--speed", "max", "--linger", "5s")
    minutes = tradesim.record("minutes.parquet", "--from", "09:30", "--to", "09:32")
    cases.run("the same, at 20x", cut_a_hundred_times, tradesim, minutes, reset_or_finish, "--speed", "20x", "--stay")
