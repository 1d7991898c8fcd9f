"""The instants of a trading day and the symbols of its market, for the contract's oracle."""

import datetime

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
TRADING_DAY = 23_400 * SECOND

INTERVALS = {"1m": MINUTE, "5m": 5 * MINUTE, "15m": 15 * MINUTE, "1h": HOUR, "1d": None}
INTERVAL_NAMES = list(INTERVALS)


def clock(time):
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=time)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def eastern_offset(date):
    """Hours to add to Eastern time for UTC: daylight saving from March's second to November's first Sunday (2007 on)."""

    def sunday(month, nth):
        first = datetime.date(date.year, month, 1)
        return first + datetime.timedelta(days=(6 - first.weekday()) % 7 + 7 * (nth - 1))

    return 4 if sunday(3, 2) <= date < sunday(11, 1) else 5


class Day:
    """The instants of one trading day and the periods of its multiplier."""

    def __init__(self, date, early_close=False, market_hours=True):
        offset = eastern_offset(date)
        midnight = (date - datetime.date(1970, 1, 1)).days * 24 * HOUR + offset * HOUR

        def at(hour, minute=0):
            return midnight + hour * HOUR + minute * MINUTE

        self.start, self.open = at(4), at(9, 30)
        self.close = at(13) if early_close else at(16)
        self.end = at(17) if early_close and market_hours else at(20)
        self.amex_open = at(7)
        periods = [("pre_market", at(4), 0.1), ("opening_auction", at(9, 30), 3.0), ("morning", at(9, 45), 1.5)]
        periods += [("midday", at(11, 30), 0.6)]
        if early_close:
            periods += [("closing_auction", at(12, 30), 2.5), ("after_hours", at(13), 0.1)]
        else:
            periods += [("afternoon", at(13), 1.0), ("closing_auction", at(15, 30), 2.5), ("after_hours", at(16), 0.1)]
        if not market_hours:
            periods = [(name, start, 1.0) for name, start, _ in periods]
        ends = [start for _, start, _ in periods[1:]] + [self.end]
        self.periods = [(name, start, end, factor) for (name, start, factor), end in zip(periods, ends)]
        self.weighted_minutes = sum((end - start) / MINUTE * factor for _, start, end, factor in self.periods)

    def period(self, time):
        for name, start, end, _ in self.periods:
            if start <= time < end:
                return name
        return "closed"

    def is_core(self, time):
        return self.open <= time < self.close

    def price_time(self, since, until):
        """Elapsed trading days between two instants of this day: outside the core session time counts a tenth."""
        core = max(0, min(until, self.close) - max(since, self.open))
        return (core + (until - since - core) / 10) / TRADING_DAY


class Listed:
    """One row of the symbol table."""

    def __init__(self, index, row):
        self.index = index
        self.name = row["symbol"]
        self.exchange = row["exchange"]
        self.base = round(float(row["base_price"]) * 10_000)
        self.tick = round(float(row["tick_size"]) * 10_000)
        self.volatility = float(row["volatility"])
        self.weight = float(row["weight"])


def universe(rows, wanted):
    """The symbols that may appear, in table order, and the share of all orders that falls on them.

    `wanted` is `all`, a number (the heaviest, weights renormalised; of equal weights the earlier row) or names
    separated by commas (a filter: weights stay).
    """
    table = [Listed(index, row) for index, row in enumerate(rows)]
    whole = sum(row.weight for row in table)
    scale = 1.0
    if wanted.isdigit():
        heaviest = sorted(table, key=lambda row: (-row.weight, row.index))[: int(wanted)]
        table = sorted(heaviest, key=lambda row: row.index)
        scale = whole / sum(row.weight for row in table)
    elif wanted != "all":
        names = wanted.split(",")
        unknown = sorted(set(names) - {row.name for row in table})
        if unknown or not names:
            raise ValueError(f"unknown symbols {unknown}")
        table = [row for row in table if row.name in names]
    for row in table:
        row.weight *= scale / whole
    return {row.name: row for row in table}, sum(row.weight for row in table)
