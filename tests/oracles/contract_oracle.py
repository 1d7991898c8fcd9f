#!/usr/bin/env python3
"""Checks the messages of a recorded day against the contract of tradesim, without any code of tradesim.

    pip install blake3
    tradesim cat DAY.parquet | python3 tests/oracles/contract_oracle.py --date 2026-02-18 --rate 10 --digest blake3:…

Reads the messages of one whole day, one a line, and checks what can be seen in them: the exact text, types and
patterns, the order of the stream, the life of every order, quotes and executions, candles (recomputed with integers),
hours of sessions and venues, identifiers, the digest. With `--rate` the statistics as well: number of orders, shares
of periods, symbols and fates, arrivals, volatility. Violations are counted by rule, each rule with three examples, in
which `seq` is the 0-based number of the line. Exit code 0: none; 1: some; 2: wrong usage. Units: prices in 0.0001,
times in microseconds since the Unix epoch.
"""

import argparse
import datetime
import json
import os
import re
import sys

from contract_day import INTERVAL_NAMES, Day, clock, universe
from contract_market import Candles, Orders, Quotes
from contract_statistics import Statistics
from contract_text import PAYLOAD_KEYS, Refused, Text

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "fixtures", "symbols.json")
ALWAYS_OPEN = {"ARCA", "NASDAQ", "BATS"}


class Report:
    """Violations by rule, with the first three of each."""

    def __init__(self):
        self.counts = {}
        self.examples = {}

    def add(self, rule, seq, text):
        self.counts[rule] = self.counts.get(rule, 0) + 1
        examples = self.examples.setdefault(rule, [])
        if len(examples) < 3:
            examples.append(text if seq is None else f"seq {seq}: {text}")

    def total(self):
        return sum(self.counts.values())

    def lines(self):
        for rule in sorted(self.counts):
            yield f"{rule}: {self.counts[rule]}"
            for example in self.examples[rule]:
                yield f"    {example}"


class Stream:
    """Everything together, a line at a time."""

    def __init__(self, report, day, table):
        self.report, self.day, self.table = report, day, table
        self.text = Text(report)
        self.orders = Orders(report)
        self.quotes = Quotes(report, table)
        self.candles = Candles(report, table, day)
        self.statistics = Statistics(table, day)
        self.counts = dict.fromkeys(PAYLOAD_KEYS, 0)
        self.place = None

    def line(self, seq, raw):
        try:
            kind, time, payload = self.text.read(seq, raw)
        except Refused as refused:
            self.report.add(refused.args[0], seq, refused.args[1])
            return
        self.counts[kind] += 1
        listed = self.table.get(payload["symbol"])
        if listed is None:
            self.report.add("symbol.unknown", seq, payload["symbol"])
            return
        self.ordered(seq, kind, time, payload, listed)
        if kind == "marketdata":
            self.candles.candle(seq, time, payload)
            return
        if payload["timestamp"] != time:
            self.report.add("envelope.time", seq, f"{clock(time)}, payload {clock(payload['timestamp'])}")
        self.hours(seq, payload, listed)
        if kind == "orderbook":
            self.quotes.book(seq, payload)
            self.statistics.book(payload)
            return
        self.quotes.trade(seq, payload)
        self.orders.see(seq, payload, self.quotes.latest.get(payload["symbol"]))
        if payload["status"] == "NEW":
            self.statistics.new_order(payload)
        elif payload["status"] in ("PARTIALLY_FILLED", "FILLED"):
            self.candles.execution(payload)

    def ordered(self, seq, kind, time, payload, listed):
        """Time; at one instant candles first, by interval and symbol, then all else by symbol."""
        if kind == "marketdata":
            place = (time, 0, INTERVAL_NAMES.index(payload["interval"]), listed.index)
        else:
            place = (time, 1, listed.index, 0)
        before = self.place
        if before is not None and (place < before or (place == before and kind == "marketdata")):
            if time < before[0]:
                rule = "stream.time"
            elif kind == "marketdata":
                rule = "stream.candles"
            else:
                rule = "stream.symbols"
            self.report.add(rule, seq, f"{kind} {payload['symbol']} at {clock(time)} is out of order")
        self.place = place

    def hours(self, seq, payload, listed):
        time, exchange, day = payload["timestamp"], payload["exchange"], self.day
        if not day.start <= time < day.end:
            self.report.add("hours.session", seq, clock(time))
        nyse, amex = day.is_core(time), day.amex_open <= time < day.end
        closed = (exchange == "NYSE" and not nyse) or (exchange == "AMEX" and not amex)
        away = (listed.exchange == "NYSE" and not nyse) or (listed.exchange == "AMEX" and not amex)
        if closed or (away and exchange not in ALWAYS_OPEN):
            self.report.add("hours.venue", seq, f"{payload['symbol']} on {exchange} at {clock(time)}")

    def finish(self):
        self.orders.finish()
        self.quotes.finish()
        self.candles.finish()


def arguments(given):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--date", required=True, type=datetime.date.fromisoformat)
    parser.add_argument("--rate", type=float, help="orders a second; without it no statistics are checked")
    parser.add_argument("--symbols", default="all", help="all, the number of the heaviest, or names")
    parser.add_argument("--market-hours", default="true", choices=["true", "false"])
    parser.add_argument("--early-close", action="store_true")
    parser.add_argument("--burst", action="store_true", help="with bursts: counts and shares of orders are not checked")
    parser.add_argument("--digest", help="the digest the lines must have")
    parser.add_argument("--table", default=TABLE, help="the symbol table (default: fixtures/symbols.json)")
    return parser, parser.parse_args(given)


def main(given=None, lines=None, out=None):
    out = out or sys.stdout
    parser, options = arguments(given)
    hasher = None
    if options.digest:
        if not re.fullmatch(r"blake3:[0-9a-f]{64}", options.digest):
            parser.error("--digest: blake3: and 64 hexadecimal digits")
        try:
            import blake3
        except ImportError:
            parser.error("--digest needs the package blake3")
        hasher = blake3.blake3()
    with open(options.table, encoding="utf-8") as file:
        rows = json.load(file)
    try:
        table, share = universe(rows, options.symbols)
    except ValueError as error:
        parser.error(f"--symbols: {error}")
    report = Report()
    day = Day(options.date, options.early_close, options.market_hours == "true")
    stream = Stream(report, day, table)
    seq = -1
    raw = b"\n"
    for seq, raw in enumerate(lines if lines is not None else sys.stdin.buffer):
        message = raw[:-1] if raw.endswith(b"\n") else raw
        if hasher is not None:
            hasher.update(len(message).to_bytes(4, "little") + message)
        stream.line(seq, message)
    if not raw.endswith(b"\n"):
        report.add("text.line_end", seq, "the last line has no end")
    if seq < 0:
        report.add("stream.empty", None, "there is no message")
    stream.finish()
    measured = ""
    if options.rate is not None and seq >= 0:
        ratios = stream.statistics.check(report, options.rate, stream.orders.fates, share, options.burst)
        measured = "; volatility " + ", ".join(f"{name} {ratio:.3f}" for name, ratio in ratios.items() if ratio)
    if hasher is not None and f"blake3:{hasher.hexdigest()}" != options.digest:
        report.add("digest", None, f"blake3:{hasher.hexdigest()}, not {options.digest}")
    for line in report.lines():
        print(line, file=out)
    kinds = ", ".join(f"{count} {kind}" for kind, count in stream.counts.items())
    verdict = f"{report.total()} violations of {len(report.counts)} rules" if report.counts else "no violation"
    print(f"{seq + 1} messages ({kinds}), {stream.statistics.orders} orders{measured}: {verdict}", file=out)
    return 1 if report.counts else 0


if __name__ == "__main__":
    sys.exit(main())
