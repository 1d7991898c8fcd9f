"""The pipeline that tradesim replaces, in the shape in which such pipelines are usually written: a live generator in numpy, objects
turned into JSON one by one, a broadcast over `websockets`, and a bridge that validates each message with `jsonschema`, writes Avro
with `fastavro` and produces with `confluent-kafka`. Nothing in it is slow on purpose.
"""

import asyncio
import io
import json
import random
import struct
import uuid
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import fastavro
import jsonschema
import numpy
import websockets

SYMBOLS = [f"SYM{index:02}" for index in range(50)]
WEIGHTS = numpy.full(50, 1 / 50)
EXCHANGES = ["NYSE", "NASDAQ", "AMEX", "ARCA", "BATS"]


@dataclass
class Trade:
    trade_id: str
    symbol: str
    trade_type: str
    order_type: str
    price: Decimal
    quantity: int
    timestamp: datetime
    exchange: str
    trader_id: str
    account_id: str
    status: str
    correlation_id: str | None


class Generator:
    """Orders with a price that walks, and their executions some time later. The wall clock is left out, so that the figure is what
    the code can do."""

    def __init__(self, seed):
        self.numbers = numpy.random.default_rng(seed)
        self.choices = random.Random(seed)
        self.prices = {symbol: 100.0 for symbol in SYMBOLS}
        self.pending = []
        self.now = datetime(2026, 2, 18, 14, 30, tzinfo=timezone.utc)

    def trade(self):
        self.now += timedelta(seconds=float(self.numbers.exponential(0.01)))
        if self.pending and self.numbers.random() < 0.5:
            order = self.pending.pop(self.choices.randrange(len(self.pending)))
            return Trade(**{**asdict(order), "trade_id": str(uuid.uuid4()), "status": "FILLED", "timestamp": self.now})
        symbol = str(self.numbers.choice(SYMBOLS, p=WEIGHTS))
        self.prices[symbol] *= float(numpy.exp(self.numbers.normal(0, 0.0001)))
        trader = self.choices.randrange(200)
        order = Trade(
            trade_id=str(uuid.uuid4()),
            symbol=symbol,
            trade_type=self.choices.choice(["BUY", "SELL"]),
            order_type=self.choices.choice(["MARKET", "LIMIT", "STOP", "STOP_LIMIT"]),
            price=Decimal(f"{self.prices[symbol]:.2f}"),
            quantity=self.choices.randint(1, 10) * 100,
            timestamp=self.now,
            exchange=self.choices.choice(EXCHANGES),
            trader_id=f"TRD-{trader:05}",
            account_id=f"ACC-{trader // 5:04}",
            status="NEW",
            correlation_id=f"corr-{self.choices.getrandbits(64):016x}",
        )
        if len(self.pending) < 5000:
            self.pending.append(order)
        return order

    def message(self):
        trade = self.trade()
        payload = asdict(trade)
        payload["price"] = str(trade.price)
        payload["timestamp"] = text(trade.timestamp)
        return json.dumps(
            {"schema_version": 1, "event_type": "trade", "timestamp": text(trade.timestamp), "payload": payload},
            separators=(",", ":"),
        )


def text(instant):
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


PAYLOAD_SCHEMA = {
    "type": "object",
    "required": ["trade_id", "symbol", "trade_type", "order_type", "price", "quantity", "timestamp", "exchange", "trader_id",
                 "account_id", "status"],
    "properties": {
        "trade_id": {"type": "string", "pattern": "^[0-9a-f-]{36}$"},
        "symbol": {"type": "string", "minLength": 1, "maxLength": 10},
        "trade_type": {"enum": ["BUY", "SELL"]},
        "order_type": {"enum": ["MARKET", "LIMIT", "STOP", "STOP_LIMIT"]},
        "price": {"type": "string", "pattern": r"^\d+\.\d{2,4}$"},
        "quantity": {"type": "integer", "minimum": 1},
        "timestamp": {"type": "string"},
        "exchange": {"enum": EXCHANGES},
        "trader_id": {"type": "string", "pattern": r"^TRD-\d{5}$"},
        "account_id": {"type": "string", "pattern": r"^ACC-\d{4}$"},
        "status": {"enum": ["NEW", "PARTIALLY_FILLED", "FILLED", "CANCELLED", "REJECTED"]},
        "correlation_id": {"type": ["string", "null"]},
    },
}
ENVELOPE_SCHEMA = {
    "type": "object",
    "required": ["schema_version", "event_type", "timestamp", "payload"],
    "properties": {
        "schema_version": {"type": "integer", "minimum": 1},
        "event_type": {"enum": ["trade", "orderbook", "marketdata"]},
        "timestamp": {"type": "string"},
        "payload": {"type": "object"},
    },
    "additionalProperties": False,
}
FIELDS = list(Trade.__dataclass_fields__)
AVRO = fastavro.parse_schema({
    "type": "record", "name": "Trade", "namespace": "compare",
    "fields": [{"name": name, "type": {
        "quantity": "int",
        "timestamp": {"type": "long", "logicalType": "timestamp-micros"},
        "price": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 4},
        "correlation_id": ["null", "string"],
    }.get(name, "string")} for name in FIELDS],
})


def validate_each_time(envelope):
    """As it is usually written: the schema is looked at again with each message."""
    jsonschema.validate(envelope, ENVELOPE_SCHEMA)
    jsonschema.validate(envelope["payload"], PAYLOAD_SCHEMA)


_envelope = jsonschema.Draft202012Validator(ENVELOPE_SCHEMA)
_payload = jsonschema.Draft202012Validator(PAYLOAD_SCHEMA)


def validate_prepared(envelope):
    """The same with validators that are made once."""
    _envelope.validate(envelope)
    _payload.validate(envelope["payload"])


def avro(message, validate):
    """The key of a record, and its value in Confluent's framing."""
    envelope = json.loads(message)
    validate(envelope)
    payload = envelope["payload"]
    payload["price"] = Decimal(payload["price"])
    payload["timestamp"] = datetime.fromisoformat(payload["timestamp"])
    out = io.BytesIO()
    out.write(struct.pack(">bI", 0, 1))
    fastavro.schemaless_writer(out, AVRO, payload)
    return payload["symbol"], out.getvalue()


async def broadcast(messages):
    """Sends messages to one client on this machine; gives how many came and how long that took, in seconds."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    async def send(socket):
        for message in messages:
            await socket.send(message)

    async with websockets.serve(send, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        begin, count = loop.time(), 0
        async with websockets.connect(f"ws://127.0.0.1:{port}") as client:
            async for _ in client:
                count += 1
        done.set_result((count, loop.time() - begin))
    return await done
