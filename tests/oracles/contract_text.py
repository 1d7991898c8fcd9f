"""The exact text of a message: parsed, checked field by field and written again, for the contract's oracle."""

import datetime
import json
import os
import re

from contract_day import INTERVALS, SECOND

SIDES = {"BUY", "SELL"}
ORDER_TYPES = {"MARKET", "LIMIT", "STOP", "STOP_LIMIT"}
STATUSES = {"NEW", "PARTIALLY_FILLED", "FILLED", "CANCELLED", "REJECTED"}
EXCHANGES = {"NYSE", "NASDAQ", "AMEX", "ARCA", "BATS"}

ENVELOPE_KEYS = ["schema_version", "event_type", "timestamp", "payload"]
PAYLOAD_KEYS = {
    "trade": [
        "trade_id", "symbol", "trade_type", "order_type", "price", "quantity", "timestamp", "exchange", "trader_id",
        "account_id", "status", "correlation_id",
    ],
    "orderbook": [
        "symbol", "bid_price", "ask_price", "bid_size", "ask_size", "spread", "mid_price", "timestamp", "exchange",
    ],
    "marketdata": [
        "symbol", "open", "high", "low", "close", "volume", "vwap", "timestamp", "interval", "exchange",
    ],
}

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII)
CORRELATION = re.compile(r"corr-[0-9a-f]{16}", re.ASCII)
TRADER = re.compile(r"TRD-([0-9]{5})", re.ASCII)
ACCOUNT = re.compile(r"ACC-([0-9]{4})", re.ASCII)
PRICE = re.compile(r"([0-9]{1,8})\.([0-9]{2,4})", re.ASCII)
TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})\.([0-9]{6})Z", re.ASCII)


class Refused(Exception):
    """A message that cannot be understood: the name of the broken rule and what was found."""


def price_text(value):
    """The shortest form with two to four decimals."""
    digits = f"{value % 10_000:04d}"
    while len(digits) > 2 and digits.endswith("0"):
        digits = digits[:-1]
    return f"{value // 10_000}.{digits}"


class Text:
    """Parses a line and writes it again; what is written must be the line."""

    def __init__(self, report):
        self.report = report
        self.prices = {}
        self.seconds = {}

    def price(self, field, text):
        known = self.prices.get(text) if type(text) is str else None
        if known is None:
            found = PRICE.fullmatch(text) if type(text) is str else None
            if not found:
                raise Refused("field.price", f"{field} {text!r}")
            if len(self.prices) > 1_000_000:
                self.prices.clear()
            value = int(found[1]) * 10_000 + int(found[2].ljust(4, "0"))
            known = self.prices[text] = (value, price_text(value))
        return known

    def time(self, field, text):
        found = TIME.fullmatch(text) if type(text) is str else None
        if not found:
            raise Refused("field.time", f"{field} {text!r}")
        second = self.seconds.get(found[1])
        if second is None:
            try:
                moment = datetime.datetime.strptime(found[1], "%Y-%m-%dT%H:%M:%S")
            except ValueError:
                raise Refused("field.time", f"{field} {text!r} is no instant") from None
            since = moment - datetime.datetime(1970, 1, 1)
            second = self.seconds[found[1]] = (since.days * 86_400 + since.seconds) * SECOND
        return second + int(found[2])

    @staticmethod
    def integer(field, value, low, high):
        if type(value) is not int or not low <= value <= high:
            raise Refused("field.integer", f"{field} {value!r}")
        return value

    @staticmethod
    def choice(field, value, values):
        if type(value) is not str or value not in values:
            raise Refused("field.enum", f"{field} {value!r}")
        return value

    @staticmethod
    def pattern(field, value, pattern):
        if type(value) is not str or not pattern.fullmatch(value):
            raise Refused("field.pattern", f"{field} {value!r}")
        return value

    @staticmethod
    def symbol(value):
        if type(value) is not str or not 1 <= len(value) <= 10:
            raise Refused("field.symbol", f"symbol {value!r}")
        return value

    def read(self, seq, raw):
        """Event type, envelope time and the payload with prices and times as integers (or raises Refused)."""
        try:
            message = json.loads(raw.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise Refused("text.json", f"{error}: {raw[:80]!r}") from None
        if type(message) is not dict or sorted(message) != sorted(ENVELOPE_KEYS):
            raise Refused("envelope.keys", f"{raw[:80]!r}")
        kind, payload = message["event_type"], message["payload"]
        if type(message["schema_version"]) is not int or message["schema_version"] != 1:
            raise Refused("envelope.schema_version", repr(message["schema_version"]))
        keys = PAYLOAD_KEYS.get(kind) if type(kind) is str else None
        if keys is None:
            raise Refused("envelope.event_type", repr(kind))
        if type(payload) is not dict or len(payload) != len(keys) or not all(key in payload for key in keys):
            raise Refused("payload.keys", f"{kind} with {list(payload)}")
        time = self.time("envelope timestamp", message["timestamp"])
        written = getattr(self, kind)(payload)
        head = f'{{"schema_version":1,"event_type":"{kind}","timestamp":"{message["timestamp"]}","payload":{{'
        written = (head + written + "}}").encode()
        if written != raw:
            at = len(os.path.commonprefix([written, raw]))
            near = slice(max(0, at - 20), at + 20)
            self.report.add("text.form", seq, f"byte {at}: {raw[near]!r}, not {written[near]!r}")
        return kind, time, payload

    def trade(self, p):
        self.pattern("trade_id", p["trade_id"], UUID4)
        self.symbol(p["symbol"])
        self.choice("trade_type", p["trade_type"], SIDES)
        self.choice("order_type", p["order_type"], ORDER_TYPES)
        value, price = self.price("price", p["price"])
        self.integer("quantity", p["quantity"], 1, 2**31 - 1)
        stamp = p["timestamp"]
        time = self.time("timestamp", stamp)
        self.choice("exchange", p["exchange"], EXCHANGES)
        self.pattern("trader_id", p["trader_id"], TRADER)
        self.pattern("account_id", p["account_id"], ACCOUNT)
        self.choice("status", p["status"], STATUSES)
        self.pattern("correlation_id", p["correlation_id"], CORRELATION)
        p["price"], p["timestamp"] = value, time
        return (
            f'"trade_id":"{p["trade_id"]}","symbol":{json.dumps(p["symbol"])},"trade_type":"{p["trade_type"]}",'
            f'"order_type":"{p["order_type"]}","price":"{price}","quantity":{p["quantity"]},"timestamp":"{stamp}",'
            f'"exchange":"{p["exchange"]}","trader_id":"{p["trader_id"]}","account_id":"{p["account_id"]}",'
            f'"status":"{p["status"]}","correlation_id":"{p["correlation_id"]}"'
        )

    def orderbook(self, p):
        self.symbol(p["symbol"])
        prices = {key: self.price(key, p[key]) for key in ("bid_price", "ask_price", "spread", "mid_price")}
        for key in ("bid_size", "ask_size"):
            self.integer(key, p[key], 1, 2**31 - 1)
        stamp = p["timestamp"]
        p["timestamp"] = self.time("timestamp", stamp)
        self.choice("exchange", p["exchange"], EXCHANGES)
        for key, (value, _) in prices.items():
            p[key] = value
        return (
            f'"symbol":{json.dumps(p["symbol"])},"bid_price":"{prices["bid_price"][1]}",'
            f'"ask_price":"{prices["ask_price"][1]}","bid_size":{p["bid_size"]},"ask_size":{p["ask_size"]},'
            f'"spread":"{prices["spread"][1]}","mid_price":"{prices["mid_price"][1]}","timestamp":"{stamp}",'
            f'"exchange":"{p["exchange"]}"'
        )

    def marketdata(self, p):
        self.symbol(p["symbol"])
        prices = {key: self.price(key, p[key]) for key in ("open", "high", "low", "close", "vwap")}
        self.integer("volume", p["volume"], 1, 2**63 - 1)
        stamp = p["timestamp"]
        p["timestamp"] = self.time("timestamp", stamp)
        self.choice("interval", p["interval"], INTERVALS)
        self.choice("exchange", p["exchange"], EXCHANGES)
        for key, (value, _) in prices.items():
            p[key] = value
        return (
            f'"symbol":{json.dumps(p["symbol"])},"open":"{prices["open"][1]}","high":"{prices["high"][1]}",'
            f'"low":"{prices["low"][1]}","close":"{prices["close"][1]}","volume":{p["volume"]},'
            f'"vwap":"{prices["vwap"][1]}","timestamp":"{stamp}","interval":"{p["interval"]}",'
            f'"exchange":"{p["exchange"]}"'
        )
