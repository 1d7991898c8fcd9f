"""Python's `websockets` and Node's `ws`, as their users use them, get exactly what `tradesim cat` prints."""

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path

import websockets

from served import ContentDigest, Failure, digest_of, expect

HERE = Path(__file__).resolve().parent
ENVELOPE = "schema_version event_type timestamp payload"
TRADES = ["--symbols", "AAPL,MSFT", "--events", "trade,marketdata"]
TRADES_QUERY = "symbols=AAPL,MSFT&events=trade,marketdata"


async def receive(url, protocol):
    digest, keys, notices = ContentDigest(), set(), []
    async with websockets.connect(url, subprotocols=[protocol] if protocol else None) as socket:
        try:
            async for text in socket:
                value = json.loads(text)
                if "notice" in value:
                    notices.append(value)
                    continue
                keys.add(" ".join(value))
                digest.push(text.encode())
        except websockets.ConnectionClosedError:
            pass  # with another code than 1000 or 1001, which is told below
        request, response = socket.request, socket.response
    return {
        "count": digest.count, "digest": digest.text(), "keys": list(keys), "notices": notices,
        "offered": request.headers.get("Sec-WebSocket-Extensions"),
        "agreed": response.headers.get("Sec-WebSocket-Extensions", ""),
        "headers": {name.lower(): value for name, value in response.headers.raw_items()},
        "code": socket.close_code, "reason": socket.close_reason,
    }


class Python:
    """The package `websockets` of PyPI."""

    name = f"Python websockets {websockets.__version__}"

    def facts(self, url, protocol=None):
        return asyncio.run(receive(url, protocol))

    def ten_lines(self, url):
        return [sys.executable, HERE / "digest.py", url]


class Node:
    """The package `ws` of npm."""

    def __init__(self, modules):
        self.folder = Path(modules)
        version = json.loads((self.folder / "node_modules/ws/package.json").read_text())["version"]
        self.name = f"Node ws {version}"
        # a module looks for packages beside itself
        for script in ("facts.mjs", "digest.mjs"):
            shutil.copy(HERE / script, self.folder / script)

    def facts(self, url, protocol=None):
        command = ["node", self.folder / "facts.mjs", url, *([protocol] if protocol else [])]
        return json.loads(subprocess.run(command, check=True, capture_output=True, timeout=120).stdout)

    def ten_lines(self, url):
        return ["node", self.folder / "digest.mjs", url]


def whole(client, tradesim, hour):
    info = tradesim.info(hour)
    with tradesim.replay(hour, "--speed", "max", "--run", "of-a-client", "--linger", "0s") as server:
        facts = client.facts(server.url)
        server.finish()
    expect("digest", facts["digest"], info["digest"])
    expect("messages", facts["count"], info["events"]["total"])
    expect("keys of every message", facts["keys"], [ENVELOPE])
    expect("notices", facts["notices"], [])
    expect("close", (facts["code"], facts["reason"]), (1000, "delivered"))
    if "permessage-deflate" not in (facts["offered"] or ""):
        raise Failure(f"the client offers no compression, but {facts['offered']}")
    expect("extensions agreed on", facts["agreed"], "")
    headers = facts["headers"]
    expect("digest of the headers", headers["tradesim-digest"], info["digest"])
    expect("run of the headers", headers["tradesim-run"], "of-a-client")
    expect("first seq of the headers", headers["tradesim-start-seq"], "0")
    stream = headers["tradesim-stream"]
    if len(stream) != 32 or set(stream) - set("0123456789abcdef"):
        raise Failure(f"stream {stream!r}")
    expect("digest of the report", server.report["digest"], info["digest"])
    expect("messages of the report", server.report["sent"], info["events"]["total"])
    return f"{facts['count']} messages, {facts['digest']}"


def parts(client, tradesim, hour):
    """What a URL asks for is what `cat` gives, as far as it goes."""
    messages = tradesim.cat(hour)
    chosen = tradesim.cat(hour, *TRADES)
    with tradesim.replay(hour, "--speed", "max", "--stay", "--wait-clients", "0") as server:
        streams = set()
        for query, expected, start in [
            ("from_seq=0", messages, 0),
            ("from_seq=54321", messages[54321:], 54321),
            (f"from_seq={len(messages)}", [], len(messages)),
            (f"from_seq=0&{TRADES_QUERY}", chosen, 0),
            (f"{TRADES_QUERY}&from_seq=4321", chosen[4321:], 4321),
        ]:
            facts = client.facts(f"{server.url}/?{query}")
            expect(f"{query}: messages", facts["count"], len(expected))
            expect(f"{query}: digest", facts["digest"], digest_of(expected))
            expect(f"{query}: close", (facts["code"], facts["reason"]), (1000, "delivered"))
            expect(f"{query}: first seq", facts["headers"]["tradesim-start-seq"], str(start))
            expect(f"{query}: digest told", "tradesim-digest" in facts["headers"], "symbols" not in query)
            streams.add(("symbols" in query, facts["headers"]["tradesim-stream"]))
        expect("ids of two streams", len(streams), 2)
        refused = client.facts(f"{server.url}/?symbols=APPL")
        expect("a refusal", refused["code"], 1008)
        if not refused["reason"].startswith("unknown_symbol: ") or "AAPL" not in refused["reason"]:
            raise Failure(f"reason {refused['reason']!r}")


def subprotocol(client, tradesim, hour):
    info = tradesim.info(hour)
    with tradesim.replay(hour, "--speed", "max", "--linger", "0s") as server:
        facts = client.facts(server.url, "tradesim.v1")
        server.finish()
    expect("subprotocol", facts["headers"]["sec-websocket-protocol"], "tradesim.v1")
    expect("digest, without the notices", facts["digest"], info["digest"])
    kinds = [notice["notice"] for notice in facts["notices"] if notice["notice"] != "position"]
    expect("notices", kinds, ["start", "end"])
    end = facts["notices"][-1]
    total = info["events"]["total"]
    expect("the end", (end["seq"], end["sent"], end["digest"]), (total, total, info["digest"]))


def ten_lines(client, tradesim, hour):
    with tradesim.replay(hour, "--speed", "max", "--linger", "0s") as server:
        printed = subprocess.run(client.ten_lines(server.url), check=True, capture_output=True, timeout=120).stdout
        server.finish()
    expect("digest", printed.decode().strip(), tradesim.info(hour)["digest"])


def run_all(cases, tradesim, hour, quarter, node):
    for client in (Python(), Node(node)):
        for check, archive in ((whole, hour), (parts, quarter), (subprotocol, quarter), (ten_lines, quarter)):
            cases.run(f"{client.name}: {check.__name__.replace('_', ' ')}", check, client, tradesim, archive)
