"""The clients that run.py runs: a line for each in `CLIENTS`."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from expected import SYMBOL

HERE = Path(__file__).resolve().parent

# as the vendor's client checks it: 32 characters, the first three being db-
KEY = "db-0123456789abcdefghijklmnopqrs"
SECRET = "secret"


@dataclass(frozen=True)
class Tools:
    """What the clients were installed as: the folder of Node's packages, and the program of those for Go. None of them runs without it."""

    node: str | None
    go: str | None


@dataclass(frozen=True)
class Server:
    """Where a replay listens."""

    port: int
    gateway: int

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"ws://{self.address}"


@dataclass(frozen=True)
class Client:
    """A client as its vendor publishes it."""

    name: str
    # the tool of `Tools` that it needs
    needs: str | None
    command: Callable[[Tools, Server], list]
    # what it prints: the kinds of `expected.found_in`
    receives: dict


def everything(unit):
    return {kind: (kind, unit) for kind in ["trades", "quotes", "minutes"]}


DATABENTO = {
    "trades": ("trades", "us"),
    "book trades": ("trades", "us"),
    "quotes": ("quotes", "us"),
    "minutes": ("minutes without vwap", "us"),
}

CLIENTS = [
    Client(
        "alpaca-py", None,
        lambda tools, at: [sys.executable, HERE / "alpaca_python.py", f"{at.url}/v2/sip", KEY, SECRET],
        everything("us"),
    ),
    Client(
        "@alpacahq/alpaca-trade-api", "node",
        lambda tools, at: ["node", HERE / "alpaca.mjs", f"{tools.node}/node_modules", f"{at.url}/v2/iex", KEY, SECRET],
        everything("ms"),
    ),
    Client(
        "alpaca-trade-api-go", "go",
        lambda tools, at: [tools.go, "alpaca", f"{at.url}/v2", KEY, SECRET],
        everything("us"),
    ),
    Client(
        "massive", None,
        lambda tools, at: [sys.executable, HERE / "massive_python.py", at.address, KEY],
        everything("ms"),
    ),
    Client(
        "@massive.com/client-js", "node",
        lambda tools, at: ["node", HERE / "massive.mjs", f"{tools.node}/node_modules", at.url, KEY],
        everything("ms"),
    ),
    Client(
        "databento", None,
        lambda tools, at: [sys.executable, HERE / "databento_python.py", "127.0.0.1", str(at.gateway), KEY],
        DATABENTO,
    ),
    Client(
        "websocket-client (Finnhub)", None,
        lambda tools, at: [sys.executable, HERE / "finnhub_python.py", f"{at.url}/finnhub?token={KEY}", SYMBOL],
        {"trades": ("some trades", "ms")},
    ),
]
