"""How many orders, when, in which symbols, with which fates, and how prices move, for the contract's oracle."""

import math

from contract_day import MINUTE, SECOND
from contract_text import price_text

SIGMAS = 4.0
FATES = {"filled": 0.5, "partially": 0.3, "cancelled": 0.1, "rejected": 0.1}


class Volatility:
    """Squared log returns of mids against what the table promises, sampled at most once in `width`."""

    def __init__(self, table, day, width, core):
        self.table, self.day, self.width, self.core = table, day, width, core
        self.before = {}
        self.latest = {}
        self.found = self.expected = self.squares = 0.0

    def book(self, book):
        time = book["timestamp"]
        if self.day.is_core(time) != self.core:
            return
        symbol = book["symbol"]
        latest = self.latest.get(symbol)
        if latest is not None:
            parted = latest[2] != time // self.width if self.width else True
            if parted:
                self.sample(symbol, latest)
        self.latest[symbol] = (time, math.log(book["mid_price"]), time // self.width if self.width else 0)

    def sample(self, symbol, latest):
        before = self.before.get(symbol)
        self.before[symbol] = latest
        if before is None or (before[0] < self.day.open) != (latest[0] < self.day.open):
            return
        variance = self.table[symbol].volatility ** 2 * self.day.price_time(before[0], latest[0])
        self.found += (latest[1] - before[1]) ** 2
        self.expected += variance
        self.squares += variance**2

    def finish(self):
        """Realised over promised volatility, and what is tolerated: 15 % or four standard errors."""
        for symbol, latest in self.latest.items():
            self.sample(symbol, latest)
        if not self.expected:
            return None, None
        error = 0.5 * math.sqrt(2 * self.squares) / self.expected
        return math.sqrt(self.found / self.expected), max(0.15, SIGMAS * error)


def tolerance(mean, variance):
    """Four sigma of a count; where few are expected the normal law is too narrow, by about one."""
    return SIGMAS * math.sqrt(variance) + (1 if mean < 25 else 0)


class Statistics:
    """How many orders, when, in which symbols, with which fates, and how prices move."""

    def __init__(self, table, day):
        self.table, self.day = table, day
        self.orders = 0
        self.by_period = {}
        self.by_symbol = dict.fromkeys(table, 0)
        self.bins = {}
        self.first = {}
        self.spreads = {}
        self.samplers = {
            "1m": Volatility(table, day, MINUTE, True),
            "5m": Volatility(table, day, 5 * MINUTE, True),
            "snapshot": Volatility(table, day, 0, True),
            "5m outside core": Volatility(table, day, 5 * MINUTE, False),
        }

    def new_order(self, trade):
        time = trade["timestamp"]
        self.orders += 1
        period = self.day.period(time)
        self.by_period[period] = self.by_period.get(period, 0) + 1
        self.by_symbol[trade["symbol"]] += 1
        second = time // SECOND
        self.bins[second] = self.bins.get(second, 0) + 1

    def book(self, book):
        symbol = book["symbol"]
        if symbol not in self.first:
            self.first[symbol] = book
        sums = self.spreads.setdefault((symbol, self.day.is_core(book["timestamp"])), [0, 0])
        sums[0] += 1
        sums[1] += book["spread"]
        for sampler in self.samplers.values():
            sampler.book(book)

    def check(self, report, rate, fates, share, burst):
        ended = sum(fates.values())
        for fate, part in FATES.items():
            self.count(report, "share.fate", fate, fates[fate], ended * part, ended * part * (1 - part))
        if not burst:
            expected = rate * 60 * self.day.weighted_minutes * share
            self.count(report, "count.orders", "orders", self.orders, expected, expected)
            for name, start, end, factor in self.day.periods:
                part = (end - start) / MINUTE * factor / self.day.weighted_minutes
                mean = self.orders * part
                self.count(report, "share.period", name, self.by_period.get(name, 0), mean, mean * (1 - part))
            for symbol, row in self.table.items():
                mean = self.orders * row.weight / share
                self.count(report, "share.symbol", symbol, self.by_symbol[symbol], mean, mean * (1 - row.weight / share))
            self.arrivals(report, rate * share)
        self.starts(report)
        self.widths(report)
        ratios = {}
        for name, sampler in self.samplers.items():
            ratio, allowed = sampler.finish()
            ratios[name] = ratio
            if ratio is not None and abs(ratio - 1) > allowed:
                report.add("volatility", None, f"{name}: {ratio:.3f} of the promised, ±{allowed:.2f} allowed")
        return ratios

    @staticmethod
    def count(report, rule, what, found, mean, variance):
        if abs(found - mean) > tolerance(mean, variance):
            sigmas = (found - mean) / math.sqrt(variance) if variance else math.inf
            report.add(rule, None, f"{what}: {found}, {mean:.1f} expected, {sigmas:+.1f} sigma")

    def arrivals(self, report, rate):
        """Poisson arrivals: squared deviations of the orders of every second sum to the number of seconds."""
        total = variance = seconds = 0
        for _, start, end, factor in self.day.periods:
            mean = rate * factor
            for second in range(start // SECOND, end // SECOND):
                total += (self.bins.get(second, 0) - mean) ** 2 / mean
            seconds += (end - start) // SECOND
            variance += (2 + 1 / mean) * ((end - start) // SECOND)
        self.count(report, "arrivals.poisson", "dispersion of orders a second", round(total, 1), seconds, variance)

    def starts(self, report):
        for symbol, book in self.first.items():
            row = self.table[symbol]
            room = 6 * row.volatility * math.sqrt(self.day.price_time(self.day.start, book["timestamp"]))
            if abs(book["mid_price"] - row.base) > row.base * room + book["spread"] + row.tick:
                report.add("price.start", None, f"{symbol} starts at {price_text(book['mid_price'])}, base {price_text(row.base)}")

    def widths(self, report):
        """Spreads: wider outside core hours, and (relative to price) for the more volatile half of the table."""

        def relative(symbol, core):
            number, total = self.spreads[symbol, core]
            return total / number / self.table[symbol].base

        both = [symbol for symbol in self.table if (symbol, True) in self.spreads and (symbol, False) in self.spreads]
        inside = sum(relative(symbol, True) for symbol in both)
        outside = sum(relative(symbol, False) for symbol in both)
        if both and outside <= inside:
            report.add("spread.outside_core", None, f"mean {outside / len(both):.6f} outside, {inside / len(both):.6f} in core hours")
        if len(both) >= 20:
            ranked = sorted(both, key=lambda symbol: self.table[symbol].volatility)
            half = len(ranked) // 2
            calm = sum(relative(symbol, True) for symbol in ranked[:half])
            wild = sum(relative(symbol, True) for symbol in ranked[-half:])
            if wild <= calm:
                report.add("spread.volatile", None, f"mean {wild / half:.6f} for volatile, {calm / half:.6f} for calm symbols")
