#!/usr/bin/env python3
"""A small day that keeps every rule, and for each rule a way to break it that the oracle must name.

python3 tests/oracles/test_contract_oracle.py
"""

import datetime
import io
import json
import random
import struct
import unittest

import contract_oracle
from contract_day import MINUTE, SECOND, Day, Listed, clock, universe
from contract_market import Candles
from contract_statistics import Statistics
from contract_text import price_text

DATE = datetime.date(2026, 2, 18)


def compact(kind, time, payload):
    message = {"schema_version": 1, "event_type": kind, "timestamp": time, "payload": payload}
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)


def at(time, day="2026-02-18"):
    return f"{day}T{time}Z"


def book(symbol, time, bid, ask, mid, spread="0.02", exchange="NASDAQ"):
    payload = dict(symbol=symbol, bid_price=bid, ask_price=ask, bid_size=100, ask_size=200, spread=spread)
    payload |= dict(mid_price=mid, timestamp=at(time), exchange=exchange)
    return compact("orderbook", at(time), payload)


def trade(number, order, symbol, time, status, side, kind, price, quantity, exchange="NASDAQ"):
    trader = order * 7 % 200
    payload = dict(trade_id=f"00000000-0000-4000-8000-{number:012x}", symbol=symbol, trade_type=side, order_type=kind)
    payload |= dict(price=price, quantity=quantity, timestamp=at(time), exchange=exchange)
    payload |= dict(trader_id=f"TRD-{trader:05d}", account_id=f"ACC-{trader // 5:04d}", status=status)
    return compact("trade", at(time), payload | dict(correlation_id=f"corr-{order:016x}"))


def candle(symbol, start, end, interval, values, volume, vwap, exchange="NASDAQ"):
    opened, high, low, close = values
    payload = dict(symbol=symbol, open=opened, high=high, low=low, close=close, volume=volume, vwap=vwap)
    payload |= dict(timestamp=at(start), interval=interval, exchange=exchange)
    return compact("marketdata", end if "T" in end else at(end), payload)


AAPL = ("AAPL", ("178.50", "178.51", "178.49", "178.49"), 15, "178.5013")
JPM = ("JPM", ("188.90", "188.90", "188.90", "188.90"), 2, "188.90")


def made(which, start, end, interval, exchange="NASDAQ"):
    symbol, values, volume, vwap = which
    return candle(symbol, start, end, interval, values, volume, vwap, exchange)


A, J, I = "14:30:03.000000", "11:00:05.000000", "13:00:00.500000"
LAST = at("01:00:00.000000", "2026-02-19")
LINES = [
    # JPM is listed on NYSE, which is closed at 06:00; IMO on AMEX, which is open at 08:00.
    book("JPM", J, "188.89", "188.91", "188.90", exchange="ARCA"),
    trade(1, 1, "JPM", J, "NEW", "BUY", "LIMIT", "188.90", 2, "ARCA"),
    trade(2, 1, "JPM", "11:00:06.250000", "FILLED", "BUY", "LIMIT", "188.90", 2, "BATS"),
    made(JPM, "11:00:00.000000", "11:01:00.000000", "1m", "NYSE"),
    made(JPM, "11:00:00.000000", "11:05:00.000000", "5m", "NYSE"),
    made(JPM, "11:00:00.000000", "11:15:00.000000", "15m", "NYSE"),
    made(JPM, "11:00:00.000000", "12:00:00.000000", "1h", "NYSE"),
    book("IMO", I, "64.89", "64.92", "64.905", "0.03", "AMEX"),
    trade(3, 2, "IMO", I, "NEW", "SELL", "STOP", "64.80", 9, "AMEX"),
    trade(4, 2, "IMO", "13:00:01.000000", "REJECTED", "SELL", "STOP", "64.80", 9, "AMEX"),
    book("AAPL", "14:30:00.000001", "178.49", "178.51", "178.50"),
    trade(5, 3, "AAPL", "14:30:00.000001", "NEW", "BUY", "LIMIT", "178.52", 10),
    trade(6, 3, "AAPL", "14:30:01.000000", "PARTIALLY_FILLED", "BUY", "LIMIT", "178.50", 3),
    trade(7, 3, "AAPL", "14:30:02.000000", "FILLED", "BUY", "LIMIT", "178.51", 7, "ARCA"),
    trade(8, 4, "AAPL", A, "NEW", "SELL", "MARKET", "178.49", 5),
    trade(9, 4, "AAPL", A, "FILLED", "SELL", "MARKET", "178.49", 5),
    book("AAPL", A, "178.50", "178.53", "178.515", "0.03"),
    made(AAPL, "14:30:00.000000", "14:31:00.000000", "1m"),
    trade(10, 5, "AAPL", "14:31:00.000000", "NEW", "BUY", "STOP_LIMIT", "178.60", 4),
    made(AAPL, "14:30:00.000000", "14:35:00.000000", "5m"),
    trade(11, 5, "AAPL", "14:36:00.000000", "CANCELLED", "BUY", "STOP_LIMIT", "178.60", 4),
    made(AAPL, "14:30:00.000000", "14:45:00.000000", "15m"),
    made(AAPL, "14:00:00.000000", "15:00:00.000000", "1h"),
    made(AAPL, "09:00:00.000000", LAST, "1d"),
    made(JPM, "09:00:00.000000", LAST, "1d", "NYSE"),
]


def check(lines, *options):
    """Exit code and the rules that are broken."""
    out = io.StringIO()
    raw = [line if isinstance(line, bytes) else (line + "\n").encode() for line in lines]
    code = contract_oracle.main(["--date", "2026-02-18", *options], raw, out)
    text = out.getvalue().splitlines()
    return code, {line.split(":")[0] for line in text[:-1] if not line.startswith("    ")}


def changed(number, old, new, count=-1):
    line = LINES[number]
    assert old in line, (number, old)
    return LINES[:number] + [line.replace(old, new, count)] + LINES[number + 1:]


def swapped(first, second):
    lines = list(LINES)
    lines[first], lines[second] = lines[second], lines[first]
    return lines


def without(number):
    return LINES[:number] + LINES[number + 1:]


def moved(number, to):
    lines = without(number)
    lines.insert(to, LINES[number])
    return lines


def later(*more):
    """Further lines before the candles of the day's end."""
    return LINES[:-2] + list(more) + LINES[-2:]


FIRST_MINUTE = "14:30:00.000000"
BROKEN = [
    ("text.json", changed(1, "}}", "}")),
    ("text.json", LINES[:1] + [b"\xff\n"] + LINES[1:]),
    ("text.form", changed(1, ",", ", ", 1)),
    ("text.form", changed(1, '"NEW"', '"\\u004eEW"')),
    ("text.form", changed(1, '"quantity":2', '"quantity":2,"quantity":2')),
    ("text.form", changed(1, '"price":"188.90"', '"price":"188.900"')),
    ("text.form", changed(0, '"bid_price":"188.89","ask_price":"188.91"', '"ask_price":"188.91","bid_price":"188.89"')),
    ("text.form", [LINES[0].encode() + b"\r\n"] + LINES[1:]),
    ("text.line_end", LINES[:-1] + [LINES[-1].encode()]),
    ("stream.empty", []),
    ("envelope.keys", changed(0, '{"schema_version"', '{"seq":1,"schema_version"')),
    ("envelope.schema_version", changed(0, '"schema_version":1', '"schema_version":2')),
    ("envelope.schema_version", changed(0, '"schema_version":1', '"schema_version":true')),
    ("envelope.event_type", changed(0, '"orderbook"', '"quote"')),
    ("payload.keys", changed(0, '"bid_size":100,', "")),
    ("payload.keys", changed(1, '"status":"NEW",', '"status":"NEW","source":"x",')),
    ("field.price", changed(1, '"188.90"', '"188.9"')),
    ("field.price", changed(1, '"188.90"', "188.90")),
    ("field.price", changed(1, '"188.90"', '"123456789.00"')),
    ("field.time", changed(1, ".000000Z", "Z")),
    ("field.time", changed(1, "Z", "+00:00")),
    ("field.time", changed(1, "T11:", "T25:")),
    ("field.integer", changed(1, '"quantity":2', '"quantity":0')),
    ("field.integer", changed(1, '"quantity":2', '"quantity":2.0')),
    ("field.integer", changed(1, '"quantity":2', '"quantity":2147483648')),
    ("field.integer", changed(0, '"bid_size":100', '"bid_size":0')),
    ("field.enum", changed(1, '"BUY"', '"buy"')),
    ("field.enum", changed(1, '"ARCA"', '"IEX"')),
    ("field.pattern", changed(1, "-4000-", "-1000-")),
    ("field.pattern", changed(1, "-8000-", "-c000-")),
    ("field.pattern", changed(1, '"TRD-00007"', '"TRD-0007"')),
    ("field.pattern", changed(1, '"corr-0000000000000001"', "null")),
    ("field.pattern", changed(1, "corr-0", "corr-F")),
    ("field.symbol", changed(0, '"JPM"', '"JPMORGANCHASE"')),
    ("symbol.unknown", changed(0, '"JPM"', '"JPN"')),
    ("envelope.time", changed(1, '5.000000Z","payload', '5.000001Z","payload')),
    ("trade_id.unique", changed(2, "000000000002", "000000000001")),
    ("stream.time", swapped(7, 10)),
    ("stream.candles", swapped(23, 24)),
    ("stream.candles", changed(18, "14:31:00.000000", "14:35:00.000000")),
    ("stream.symbols", later(book("MSFT", "16:00:00.000000", "415.29", "415.31", "415.30"),
                             book("CSCO", "16:00:00.000000", "49.69", "49.71", "49.70"),
                             book("ORCL", "16:00:00.000000", "125.49", "125.51", "125.50"))),
    ("order.trader", changed(1, "ACC-0001", "ACC-0002")),
    ("order.trader", [line.replace("TRD-00007", "TRD-00200").replace("ACC-0001", "ACC-0040") for line in LINES]),
    ("order.after_end", later(trade(12, 5, "AAPL", "15:00:00.000000", "CANCELLED", "BUY", "STOP_LIMIT", "178.60", 4))),
    ("order.new_twice", changed(2, "FILLED", "NEW")),
    ("order.without_new", without(18)),
    ("order.without_end", without(20)),
    ("order.shared_fields", changed(13, '"BUY"', '"SELL"')),
    ("order.shared_fields", changed(13, '"LIMIT"', '"STOP_LIMIT"')),
    ("order.shared_fields", changed(20, 'TRD-00035","account_id":"ACC-0007', 'TRD-00036","account_id":"ACC-0007')),
    ("order.market", changed(15, "14:30:03.000000", "14:30:03.000001")),
    ("order.market", changed(15, "FILLED", "CANCELLED")),
    ("order.market", changed(15, "FILLED", "PARTIALLY_FILLED")),
    ("order.market_price", changed(14, "178.49", "178.51")),
    ("order.quantity", changed(13, '"quantity":7', '"quantity":8')),
    ("order.quantity", changed(12, '"quantity":3', '"quantity":10')),
    ("order.quantity", changed(20, '"quantity":4', '"quantity":3')),
    ("order.fate", changed(13, "FILLED", "CANCELLED")),
    ("order.parts", [LINES[11].replace(":10", ":40")] + [
        trade(20 + n, 3, "AAPL", f"14:30:01.00000{n}", "PARTIALLY_FILLED", "BUY", "LIMIT", "178.50", 3) for n in range(3)
    ]),
    ("book.crossed", changed(7, '"bid_price":"64.89"', '"bid_price":"64.92"')),
    ("book.derived", changed(7, '"spread":"0.03"', '"spread":"0.02"')),
    ("book.derived", changed(7, '"64.905"', '"64.90"')),
    ("book.tick", changed(7, '"64.89"', '"64.895"')),
    ("book.cadence", without(0)),
    ("book.cadence", without(16)),
    ("book.cadence", moved(16, 15)),
    ("book.cadence", LINES[:8] + [LINES[7]] + LINES[8:]),
    ("execution.quote", changed(12, "178.50", "178.52")),
    ("execution.quote", changed(2, "188.90", "188.88")),
    ("execution.tick", changed(12, "178.50", "178.505")),
    ("execution.limit", changed(11, "178.52", "178.50")),
    ("hours.session", changed(18, "T14:31", "T01:31")),
    ("hours.venue", changed(2, "BATS", "NYSE")),
    ("hours.venue", changed(2, "BATS", "AMEX")),
    ("hours.venue", changed(0, "ARCA", "NYSE")),
    ("candle.missing", without(17)),
    ("candle.missing", without(23)),
    ("candle.extra", LINES[:18] + [LINES[17]] + LINES[18:]),
    ("candle.extra", changed(17, "AAPL", "MSFT")),
    ("candle.aligned", changed(17, FIRST_MINUTE, "14:30:01.000000")),
    ("candle.emitted", changed(17, "14:31:00.000000", "14:31:00.000001")),
    ("candle.exchange", changed(17, "NASDAQ", "ARCA")),
    ("candle.open", changed(17, '"open":"178.50"', '"open":"178.51"')),
    ("candle.high", changed(19, '"high":"178.51"', '"high":"178.52"')),
    ("candle.low", changed(21, '"low":"178.49"', '"low":"178.48"')),
    ("candle.close", changed(22, '"close":"178.49"', '"close":"178.50"')),
    ("candle.vwap", changed(23, '"178.5013"', '"178.5014"')),
    ("candle.volume", changed(23, '"volume":15', '"volume":16')),
]


class Rules(unittest.TestCase):
    def test_the_small_day_keeps_every_rule(self):
        self.assertEqual(check(LINES), (0, set()))

    def test_every_broken_rule_is_named(self):
        for number, (rule, lines) in enumerate(BROKEN):
            with self.subTest(rule=rule, case=number):
                code, rules = check(lines)
                self.assertEqual(code, 1)
                self.assertIn(rule, rules)

    def test_the_digest_is_over_length_and_bytes(self):
        import blake3

        hasher = blake3.blake3()
        for line in LINES:
            hasher.update(struct.pack("<I", len(line.encode())) + line.encode())
        self.assertEqual(check(LINES, "--digest", "blake3:" + hasher.hexdigest()), (0, set()))
        self.assertEqual(check(LINES, "--digest", "blake3:" + "0" * 64), (1, {"digest"}))
        self.assertEqual(check(LINES[::-1], "--digest", "blake3:" + hasher.hexdigest())[0], 1)

    def test_vwap_is_rounded_half_up(self):
        report = contract_oracle.Report()
        table, _ = universe([dict(symbol="A", exchange="NYSE", base_price="1.00", tick_size="0.0001", volatility=0.01, weight=1)], "all")
        candles = Candles(report, table, Day(DATE))
        time = Day(DATE).open
        for price in (10_000, 10_001):
            candles.execution(dict(symbol="A", timestamp=time, price=price, quantity=1))
        found = dict(symbol="A", open=10_000, high=10_001, low=10_000, close=10_001, vwap=10_001, volume=2)
        found |= dict(timestamp=time, interval="1m", exchange="NYSE")
        candles.candle(0, time + MINUTE, found)
        self.assertEqual(report.total(), 0)


class TheDay(unittest.TestCase):
    def test_daylight_saving_moves_the_session(self):
        cases = [((2026, 2, 18), 9), ((2026, 3, 6), 9), ((2026, 3, 9), 8), ((2024, 7, 3), 8), ((2025, 10, 31), 8), ((2025, 11, 3), 9)]
        for date, hour in cases:
            self.assertEqual(clock(Day(datetime.date(*date)).start)[11:13], f"{hour:02d}")

    def test_weighted_minutes(self):
        self.assertAlmostEqual(Day(DATE).weighted_minutes, 538.5)
        self.assertAlmostEqual(Day(DATE, early_close=True).weighted_minutes, 370.5)
        self.assertAlmostEqual(Day(DATE, market_hours=False).weighted_minutes, 960)

    def test_time_outside_the_core_session_counts_a_tenth(self):
        day = Day(DATE)
        self.assertAlmostEqual(day.price_time(day.open, day.close), 1)
        self.assertAlmostEqual(day.price_time(day.open - 100 * SECOND, day.open + 10 * SECOND), 20 / 23_400)
        self.assertAlmostEqual(day.price_time(day.close, day.end), 4 * 360 / 23_400)

    def test_heaviest_symbols_are_renormalised_and_named_ones_are_not(self):
        rows = [dict(symbol=name, exchange="NYSE", base_price="1", tick_size="0.01", volatility=0.01, weight=weight)
                for name, weight in (("A", 0.1), ("B", 0.4), ("C", 0.4), ("D", 0.1))]
        table, share = universe(rows, "3")
        self.assertEqual((list(table), share), (["A", "B", "C"], 1.0))
        table, share = universe(rows, "D,B")
        self.assertEqual((list(table), share), (["B", "D"], 0.5))

    def test_prices_have_two_to_four_decimals(self):
        for value, text in ((1, "0.0001"), (1_785_000, "178.50"), (1_785_250, "178.525"), (20_000, "2.00")):
            self.assertEqual(price_text(value), text)


class TheStatistics(unittest.TestCase):
    """A day drawn here, with the promised numbers; then with one of them changed."""

    def drawn(self, rate=2.0, factor=None, skew=1.0, volatility=1.0, spread=None, even=False):
        """Orders and snapshots a second apart, and what the check says of them."""
        rng = random.Random(7)
        day = Day(DATE)
        table = {name: Listed(index, dict(symbol=name, exchange="NYSE", base_price="100", tick_size="0.01", volatility=0.02, weight=weight))
                 for index, (name, weight) in enumerate((("A", 0.6), ("B", 0.4)))}
        statistics = Statistics(table, day)
        price = dict.fromkeys(table, 1_000_000.0)
        before = day.start
        for name, start, end, multiplier in day.periods:
            mean = rate * (factor or {}).get(name, multiplier)
            time = start
            while True:
                time += round(SECOND / mean) if even else round(rng.expovariate(mean) * SECOND)
                if time >= end:
                    break
                symbol = "A" if rng.random() < 0.6 * skew else "B"
                statistics.new_order(dict(timestamp=time, symbol=symbol))
                step = 0.02 * volatility * day.price_time(before, time) ** 0.5
                before = time
                for other in table:
                    price[other] *= 1 + step * rng.gauss(0, 1)
                    width = (spread or (lambda core: 200 if core else 400))(day.is_core(time))
                    statistics.book(dict(timestamp=time, symbol=other, mid_price=round(price[other]), spread=width))
        return statistics

    def rules(self, statistics, fates=(500, 300, 100, 100), rate=2.0, share=1.0, burst=False):
        report = contract_oracle.Report()
        names = ("filled", "partially", "cancelled", "rejected")
        statistics.check(report, rate, dict(zip(names, fates)), share, burst)
        return set(report.counts)

    def test_a_day_as_promised_passes(self):
        self.assertEqual(self.rules(self.drawn()), set())

    def test_fates(self):
        self.assertIn("share.fate", self.rules(self.drawn(), (400, 400, 100, 100)))

    def test_number_of_orders(self):
        self.assertIn("count.orders", self.rules(self.drawn(rate=2.1)))
        self.assertNotIn("count.orders", self.rules(self.drawn(rate=2.1), burst=True))

    def test_periods(self):
        self.assertIn("share.period", self.rules(self.drawn(factor=dict(midday=0.7, morning=1.43))))

    def test_symbols(self):
        self.assertIn("share.symbol", self.rules(self.drawn(skew=0.97)))

    def test_arrivals(self):
        self.assertIn("arrivals.poisson", self.rules(self.drawn(even=True)))

    def test_volatility(self):
        self.assertIn("volatility", self.rules(self.drawn(volatility=1.2)))
        self.assertIn("volatility", self.rules(self.drawn(volatility=0.8)))

    def test_spreads(self):
        self.assertIn("spread.outside_core", self.rules(self.drawn(spread=lambda core: 400 if core else 200)))

    def test_start(self):
        statistics = self.drawn()
        statistics.first["A"]["mid_price"] = 1_020_000
        self.assertIn("price.start", self.rules(statistics))


if __name__ == "__main__":
    unittest.main()
