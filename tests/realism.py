#!/usr/bin/env python3
"""An oracle of `tradesim realism`: computes the same rows from exports, with numpy, and compares. It shares no code with tradesim.

    tests/realism.py compare REPORT.json EXPORT.parquet…   compare every value of a report with that of exports of the same archives
    tests/realism.py judge STYLIZED.json GBM.json          check what CI requires of two reports
    tests/realism.py --self-test                           check the methods against known answers

Exports are made with `tradesim export --prices float64 -o DAY.parquet`, one per archive, of regular trading days. Sectors and volatilities
come from fixtures/symbols.json. docs/REALISM.md defines the rows.
"""

import json
import sys
import zoneinfo
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SECOND = 1_000_000
BIN = 300
CORE = 23_400
SIGN_LAGS = [1, 2, 3, 5, 8, 10, 13, 20, 32, 50, 80, 126, 200]
DECAY_LAGS = [1, 2, 3, 5, 8, 12, 18, 27, 40, 60]
WINDOWS = [1, 2, 5, 10, 20, 30, 60]
# relative and absolute tolerance; histograms have a precision of 1/512, and the AUC has 400 bins
TOLERANCE = {"A2": (0.005, 0), "A3": (0.005, 0), "D5": (0.01, 0), "E8": (0, 0.005), "E12": (0, 2e-4), "E13": (0.006, 0)}
OUTSIDE_MIN = 40


# --- methods

def kurtosis(values):
    values = values[np.isfinite(values)]
    return len(values) * np.sum(values**4) / np.sum(values**2) ** 2 - 3


def hill(values, share):
    values = np.sort(values[np.isfinite(values) & (values > 0)])[::-1]
    count = int(len(values) * share)
    logs = np.sum(np.log(values[:count] / values[count]))
    return count / logs if logs > 1e-9 else None


def slope(x, y, weights=None):
    weights = np.ones(len(x)) if weights is None else np.asarray(weights, float)
    x, y = np.asarray(x, float), np.asarray(y, float)
    centre = np.average(x, weights=weights)
    return np.sum(weights * (x - centre) * (y - np.average(y, weights=weights))) / np.sum(weights * (x - centre) ** 2)


def decay(lags, values, counts):
    values, counts = np.asarray(values), np.asarray(counts)
    if np.any(~(values > 2 / np.sqrt(counts))):
        return None
    return -slope(np.log(lags), np.log(values))


def correlation(x, y):
    known = np.isfinite(x) & np.isfinite(y)
    return np.corrcoef(x[known], y[known])[0, 1]


def sums(values, count):
    whole = len(values) // count * count
    return values[:whole].reshape(-1, count).sum(axis=1)


def auc(scores, positive):
    """By ranks, with the mean rank for equal scores (Mann and Whitney)."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    n = positive.sum()
    return (rank[positive].sum() - n * (n + 1) / 2) / (n * (len(scores) - n))


# --- one symbol on one day

class SymbolDay:
    def __init__(self, table, opened):
        close = opened + CORE * SECOND
        time, row = table["time"], np.arange(len(table["time"]))
        quote = table["type"] == "orderbook"
        quote_time, quote_row = time[quote], row[quote]
        twice_mid = table["bid"][quote] + table["ask"][quote]
        spread = table["ask"][quote] - table["bid"][quote]
        bids, asks = table["bid_size"][quote], table["ask_size"][quote]
        imbalance = (bids - asks) / (bids + asks)

        # prices at whole seconds
        seconds = opened + np.arange(CORE + 1) * SECOND
        place = np.searchsorted(quote_time, seconds, side="right") - 1
        known = place >= 0
        log = np.where(known, np.log(twice_mid[np.maximum(place, 0)]), np.nan)
        self.seconds = np.diff(log)
        logs = log[::10]
        self.fine = np.diff(logs)
        self.returns = np.diff(logs[::6])
        self.variance = {step: np.nansum(np.diff(logs[::step]) ** 2) for step in (1, 30)}
        squares = np.nansum(self.returns**2)
        self.products = np.array([np.nansum(self.returns[lag:] * self.returns[: len(self.returns) - lag]) for lag in range(21)]) / squares
        self.spreads = np.where(known, spread[np.maximum(place, 0)], np.nan)
        self.mids = np.where(known, twice_mid[np.maximum(place, 0)] / 2, np.nan)
        self.early = np.nanmean(self.spreads[:900])
        self.midday = np.nanmean(self.spreads[7_200:21_600])

        # moves of the middle within the session, and the imbalance before them
        moved = (twice_mid[1:] != twice_mid[:-1]) & (quote_time[1:] >= opened) & (quote_time[1:] < close)
        self.scores, self.rises = imbalance[:-1][moved], (twice_mid[1:] > twice_mid[:-1])[moved]
        self.quotes = int(quote.sum())

        # orders
        new = table["status"] == "NEW"
        self.orders = int(new.sum())
        arrivals = time[new & (time >= opened) & (time < close)]
        since = arrivals - opened
        self.counts = np.bincount(since // (10 * SECOND), minlength=CORE // 10).astype(float)
        self.by_second = np.bincount(since // SECOND, minlength=CORE)
        self.gaps = np.diff(arrivals) / SECOND
        self.gap_bins = since[:-1] // (BIN * SECOND)
        cancelled = table["status"] == "CANCELLED"
        self.cancels = int(cancelled.sum())
        born = dict(zip(table["order"][new], time[new]))
        self.lives = np.array([t - born[order] for order, t in zip(table["order"][cancelled], time[cancelled]) if order in born])

        # executions
        execution = (table["status"] == "FILLED") | (table["status"] == "PARTIALLY_FILLED")
        at, price, shares, where = time[execution], table["price"][execution], table["quantity"][execution], row[execution]
        self.execution_prices = price
        self.executions = len(at)
        released = np.ones(len(at), bool)
        self.crosses = []
        for start in (opened, close):
            window = np.flatnonzero((at >= start) & (at < start + 60 * SECOND))
            if len(window):
                largest = window[np.argmax(shares[window])]
                released[largest] = False
                self.crosses.append(int(shares[largest]))
            else:
                self.crosses.append(0)
        core = (at >= opened) & (at < close)
        self.volume, self.volume_core = int(shares.sum()), int(shares[core].sum())
        self.sizes, self.size_prices = shares[released], price[released]
        minutes = (at - opened) // (60 * SECOND)
        used = released & core
        self.volumes = np.bincount(minutes[used], weights=shares[used], minlength=CORE // 60)

        at, price, shares, where = at[core], price[core], shares[core], where[core]
        change = np.diff(price) / price[:-1]
        self.bounce = np.sum(change[1:] * change[:-1]) / np.sum(change**2)
        before = np.searchsorted(quote_row, where) - 1
        mid, wide = twice_mid[before], spread[before]
        rising = np.concatenate([[True], price[1:] > price[:-1]])
        changed = np.concatenate([[False], price[1:] != price[:-1]])
        last = np.maximum.accumulate(np.where(changed, np.arange(len(price)), 0))
        up = np.where(last > 0, rising[last], True)
        buy = np.where(2 * price == mid, up, 2 * price > mid)
        first = np.concatenate([[True], (at[1:] != at[:-1]) | (buy[1:] != buy[:-1])])
        starts = np.flatnonzero(first)
        total = np.add.reduceat(shares, starts)
        late = at[starts] >= opened + 60 * SECOND
        self.trade_sign = np.where(buy[starts], 1.0, -1.0)[late]
        self.trade_shares = total[late]
        self.trade_mid = mid[starts][late].astype(float)
        self.trade_spread = wide[starts][late].astype(float)
        trade_minutes = (at[starts][late] - opened) // (60 * SECOND)
        self.signed = np.bincount(trade_minutes, weights=self.trade_sign * self.trade_shares, minlength=CORE // 60)

    def response(self, lag):
        """Returns the signed relative change of the middle from each trade to the trade `lag` later."""
        return self.trade_sign[:-lag] * (self.trade_mid[lag:] - self.trade_mid[:-lag]) / self.trade_mid[:-lag]


def read(path):
    """Returns the days of the symbols in an export, in order of their first appearance."""
    import polars as pl

    columns = ["envelope_timestamp", "event_type", "symbol", "price", "quantity", "status", "correlation_id", "bid_price", "ask_price", "bid_size", "ask_size"]
    frame = pl.read_parquet(path, columns=columns).filter(pl.col("event_type") != "marketdata")
    first = frame["envelope_timestamp"][0]
    day = first.astimezone(zoneinfo.ZoneInfo("America/New_York")).date()
    opened = datetime(day.year, day.month, day.day, 9, 30, tzinfo=zoneinfo.ZoneInfo("America/New_York"))
    opened = int(opened.astimezone(timezone.utc).timestamp()) * SECOND
    days = {}
    for (symbol,), part in frame.group_by(["symbol"], maintain_order=True):
        text = lambda name: part[name].cast(pl.String).fill_null("").to_numpy()
        units = lambda name: np.rint(part[name].fill_null(0).to_numpy() * 10_000).astype(np.int64)
        number = lambda name: part[name].fill_null(0).to_numpy().astype(np.int64)
        table = {
            "time": part["envelope_timestamp"].dt.epoch("us").to_numpy(),
            "type": text("event_type"), "status": text("status"), "order": text("correlation_id"),
            "price": units("price"), "bid": units("bid_price"), "ask": units("ask_price"),
            "quantity": number("quantity"), "bid_size": number("bid_size"), "ask_size": number("ask_size"),
        }
        days[symbol] = SymbolDay(table, opened)
    return days


# --- all rows

def standardised(days, series, moment, invert):
    """Divides series by the scale of their symbol, and by the profile of five minutes over all symbols and days."""
    scale = {}
    for symbol in {symbol for day in days for symbol in day}:
        values = np.concatenate([series(day[symbol]) for day in days if symbol in day])
        scale[symbol] = invert(np.nanmean(moment(values)))
    scaled = [{symbol: series(of) / scale[symbol] for symbol, of in day.items()} for day in days]
    stack = np.concatenate([values.reshape(-1, 5) for day in scaled for values in day.values()])
    stack = stack.reshape(-1, CORE // BIN, 5)
    profile = invert(np.nanmean(moment(stack), axis=(0, 2)))
    return [{symbol: values / np.repeat(profile, 5) for symbol, values in day.items()} for day in scaled]


def mean_pair(matrix):
    return matrix[np.triu_indices(len(matrix), 1)].mean()


def pair_correlation(series):
    """Returns the mean correlation of all pairs from the variance of their sum."""
    scaled = [np.nan_to_num(values) / np.sqrt(np.nansum(values**2) / len(values)) for values in series]
    n = len(scaled)
    return (np.mean(np.sum(scaled, axis=0) ** 2) - n) / (n * (n - 1))


def rows(days, facts):
    out = {}
    flat = [of for day in days for of in day.values()]
    symbols = list(dict.fromkeys(symbol for day in days for symbol in day))
    of = lambda symbol: [day[symbol] for day in days if symbol in day]
    x = standardised(days, lambda day: day.returns, np.square, np.sqrt)
    v = standardised(days, lambda day: day.volumes, lambda values: values, lambda values: values)
    xs = [values for day in x for values in day.values()]
    vs = [values for day in v for values in day.values()]
    pooled = lambda count: np.concatenate([sums(values, count) for values in xs])

    one, five, thirty = (kurtosis(pooled(count)) for count in (1, 5, 30))
    out["A1"], out["A1f"] = one, five
    by_symbol = [np.concatenate([day.seconds for day in of(symbol)]) for symbol in symbols]
    out["A1s"] = kurtosis(np.concatenate([values / np.sqrt(np.nanmean(values**2)) for values in by_symbol]))
    out["A2"], out["A3"] = hill(np.abs(pooled(1)), 0.01), hill(np.abs(pooled(5)), 0.02)
    out["A4"] = thirty / one if one >= 0.5 else None
    out["A4b"] = float(one >= 0.5 and one > five > thirty > 0)
    linear = np.mean([day.products for day in flat], axis=0)[1:]
    out["A5"] = linear[np.argmax(np.abs(linear))]
    out["A6"] = np.mean([day.bounce for day in flat])
    fine, coarse = 0, 0
    for symbol in symbols:
        of_five = sum(day.variance[30] for day in of(symbol))
        weight = len(of(symbol)) / of_five
        fine, coarse = fine + weight * sum(day.variance[1] for day in of(symbol)), coarse + weight * of_five
    out["A7"] = fine / coarse

    means = {symbol: np.nanmean(np.concatenate([np.abs(day[symbol]) for day in x if symbol in day])) for symbol in symbols}
    centred = [np.abs(values) - means[symbol] for day in x for symbol, values in day.items()]
    variance = np.nanmean(np.concatenate([values**2 for values in centred]))

    def absolute(lag):
        products = np.concatenate([values[lag:] * values[: len(values) - lag] for values in centred])
        return np.nanmean(products) / variance, np.isfinite(products).sum()

    out["A8"], out["A9"] = absolute(1)[0], absolute(20)[0]
    out["A10"] = decay(DECAY_LAGS, *zip(*(absolute(lag) for lag in DECAY_LAGS)))
    local = []
    for values in xs:
        windows = np.lib.stride_tricks.sliding_window_view(values, 31)
        squares = (windows**2).sum(axis=1) - windows[:, 15] ** 2
        kept = squares > 1e-12
        local.append(windows[kept, 15] / np.sqrt(squares[kept] / 30))
    out["A11"] = kurtosis(np.concatenate(local))
    later = [np.lib.stride_tricks.sliding_window_view(np.abs(values), 11)[:, 1:].mean(axis=1) for values in xs]
    out["A12"] = correlation(np.concatenate([values[:-10] for values in xs]), np.concatenate(later))
    out["A13"] = correlation(np.concatenate([values[1:] for values in vs]), np.abs(np.concatenate([values[1:] for values in xs])))
    ratios = [np.mean([of.variance[30] / facts[symbol]["volatility"] ** 2 for symbol, of in day.items()]) for day in days]
    out["A14"] = np.sqrt(np.mean(ratios))
    if len(days) > 1:
        out["A15"] = np.mean([np.std([np.log(day.variance[30]) / 2 for day in of(symbol)], ddof=1) for symbol in symbols])

    part = lambda window, series: np.mean([np.nanmean(series(day)[window]) / np.nanmean(series(day)) for day in flat])
    opening, late, midday = slice(0, 30), slice(360, 390), slice(120, 270)
    volume, square = lambda day: day.volumes, lambda day: day.returns**2
    out["B1"], out["B2"] = part(opening, volume) / part(midday, volume), part(late, volume) / part(midday, volume)
    out["B3"], out["B4"] = np.sqrt(part(opening, square) / part(midday, square)), np.sqrt(part(late, square) / part(midday, square))
    out["B5"] = np.nanmean([day.early / day.midday for day in flat])
    shares = sum(day.volume for day in flat)
    out["B6"] = sum(day.volume - day.volume_core - day.crosses[1] for day in flat) / shares
    out["B7"] = sum(day.crosses[1] for day in flat) / shares
    out["B8"] = sum(day.crosses[0] for day in flat) / shares

    products, counts = [], []
    for lag in SIGN_LAGS:
        both = [day.trade_sign[lag:] * day.trade_sign[:-lag] for day in flat if len(day.trade_sign) > lag]
        products.append(sum(values.sum() for values in both) / sum(len(values) for values in both))
        counts.append(sum(len(values) for values in both))
    out["C1"], out["C2"] = products[0], products[SIGN_LAGS.index(10)]
    out["C3"] = decay(SIGN_LAGS[1:], products[1:], counts[1:])
    per_bin = np.array([sums(day.counts, 30) for day in flat])
    profile = np.mean(per_bin / per_bin.mean(axis=1, keepdims=True), axis=0)
    variations = [np.std(gaps) / np.mean(gaps) for gaps in (day.gaps * profile[day.gap_bins] for day in flat) if len(gaps) >= 100]
    out["C4"] = np.mean(variations)
    factors = []
    for window in WINDOWS:
        squares, total = 0, 0
        for day in flat:
            found = sums(day.counts, window)
            due = sums(day.counts.mean() * np.repeat(profile, 30), window)
            squares += np.sum((np.diff(found) - np.diff(due)) ** 2)
            total += np.sum(found[1:] + found[:-1])
        factors.append(squares / total)
    out["C5"] = 1 - 1 / np.sqrt(factors[0])
    out["C6"] = slope(np.log(WINDOWS), np.log(factors))
    markets = [np.sum([of.by_second for of in day.values()], axis=0) for day in days]
    out["C7"] = np.mean([market.max() / market.mean() for market in markets])
    out["C8"] = np.mean([np.sort(market)[-1 - len(market) // 1_000] / market.mean() for market in markets])

    sizes = np.concatenate([day.sizes for day in flat])
    prices = np.concatenate([day.size_prices for day in flat])
    out["D1"], out["D2"] = np.mean(sizes == 100), np.mean(sizes < 100)
    for row, kept in (("D3", prices >= 3_500_000), ("D3b", prices < 700_000)):
        out[row] = np.mean(sizes[kept] < 100) if kept.any() else None
    out["D4"] = np.mean(sizes[sizes > 100] % 100 == 0)
    out["D5"] = hill(sizes.astype(float), 0.005)

    signed, changes = [], []
    for symbol in symbols:
        scale = np.sqrt(np.mean(np.concatenate([day.signed for day in of(symbol)]) ** 2))
        for day in range(len(days)):
            if symbol in days[day]:
                signed.append(days[day][symbol].signed[1:] / scale)
                changes.append(x[day][symbol][1:])
    out["E1"] = correlation(np.concatenate(signed), np.concatenate(changes))
    responses, octaves, logs = [], [], []
    for symbol in symbols:
        found = np.concatenate([day.response(10) for day in of(symbol)])
        sized = np.concatenate([day.trade_shares[:-10] for day in of(symbol)])
        if found.mean() > 0:
            responses.append(found / found.mean())
            octaves.append(np.floor(np.log2(sized)).astype(int))
            logs.append(np.log(sized))
    points = []
    if responses:
        responses, octaves, logs = map(np.concatenate, (responses, octaves, logs))
        for octave in np.unique(octaves):
            kept = octaves == octave
            if kept.sum() >= 100:
                points.append((logs[kept].mean(), responses[kept].mean(), kept.sum()))
    size, response, weight = map(np.array, zip(*points)) if points else ([], np.array([-1.0]), [])
    out["E2"] = slope(size, np.log(response), weight) if np.all(response > 0) else None
    half = sum(np.sum(day.trade_spread[:-1] / day.trade_mid[:-1]) for day in flat)
    after = {lag: np.concatenate([day.response(lag) for day in flat]) for lag in (1, 100)}
    out["E3"] = after[1].sum() / half
    out["E4"] = after[100].mean() / after[1].mean() if after[1].sum() > 0 else None
    spreads = np.concatenate([day.spreads for day in flat])
    mids = np.concatenate([np.floor(day.mids) for day in flat])
    usual = np.sort(spreads[(mids >= 200_000) & (mids <= 1_500_000)] / 100)
    out["E5"] = usual[len(usual) // 2] if len(usual) else None
    expensive = spreads[mids > 3_500_000] / 100
    out["E6"] = expensive.mean() if len(expensive) else None
    whole = lambda symbol, series: np.nanmean(np.concatenate([series(day) for day in of(symbol)]))
    out["E7"] = slope([np.log(whole(symbol, lambda day: day.mids)) for symbol in symbols], [np.log(whole(symbol, lambda day: day.spreads)) for symbol in symbols])
    out["E8"] = auc(np.concatenate([day.scores for day in flat]), np.concatenate([day.rises for day in flat]))
    out["E9"] = np.mean(np.concatenate([day.execution_prices for day in flat]) % 500 == 0)
    executions = sum(day.executions for day in flat)
    out["E10"], out["E11"] = sum(day.quotes for day in flat) / executions, sum(day.cancels for day in flat) / executions
    lives = np.sort(np.concatenate([day.lives for day in flat]))
    out["E12"] = np.mean(lives < SECOND // 2)
    out["E13"] = lives[int(0.9 * len(lives))] / lives[len(lives) // 2]

    everywhere = [symbol for symbol in symbols if all(symbol in day for day in days)]
    if len(everywhere) >= 3:
        series = np.array([np.concatenate([sums(day[symbol], 5) for day in x]) for symbol in everywhere])
        series = np.where(np.isfinite(series), series, np.nanmean(series, axis=1, keepdims=True))
        matrix = np.corrcoef(series)
        out["F1"], out["F3"] = mean_pair(matrix), np.linalg.eigvalsh(matrix)[-1] / len(matrix)
        sector = np.array([facts[symbol]["sector"] for symbol in everywhere])
        same = (sector[:, None] == sector)[np.triu_indices(len(matrix), 1)]
        pairs = matrix[np.triu_indices(len(matrix), 1)]
        out["F2"] = pairs[same].mean() - pairs[~same].mean() if same.any() and not same.all() else None
        out["F5"] = mean_pair(np.corrcoef(np.abs(series)))
        slow = np.mean([pair_correlation([np.diff(np.concatenate([[0], np.cumsum(of.fine)])[::30]) for of in day.values()]) for day in days])
        out["F4"] = np.mean([pair_correlation([of.fine for of in day.values()]) for day in days]) / slow if slow > 0.02 else None
        counts = np.array([np.concatenate([sums(day[symbol].counts, 30) for day in days]) for symbol in everywhere])
        counts = counts / counts.mean(axis=1, keepdims=True)
        shape = counts.reshape(len(everywhere), len(days), -1).mean(axis=(0, 1))
        out["F6"] = mean_pair(np.corrcoef(counts / np.tile(shape, len(days))))
        orders = np.sort([sum(day.orders for day in of(symbol)) for symbol in symbols])[::-1]
        out["F7"] = -slope(np.log(np.arange(len(orders)) + 1), np.log(orders))
    return out


# --- commands

def compare(report, exports):
    facts = {entry["symbol"]: entry for entry in json.loads((ROOT / "fixtures" / "symbols.json").read_text())}
    found = {row["id"]: row for row in json.loads(Path(report).read_text())["rows"]}
    expected = rows([read(path) for path in exports], facts)
    wrong = 0
    for row, value in found.items():
        ours, theirs = expected.get(row), value["value"]
        relative, absolute = TOLERANCE.get(row, (1e-3, 1e-4))
        if ours is None or theirs is None:
            agree = ours is None and theirs is None
        else:
            agree = abs(ours - theirs) <= relative * abs(ours) + absolute
        wrong += not agree
        shown = lambda number: "-" if number is None else f"{number:.5f}"
        print(f"{'ok' if agree else 'DIFFERENT':9} {row:4} {shown(theirs):>12} {shown(ours):>12}  {value['name']}")
    print(f"{len(found) - wrong} of {len(found)} rows agree")
    return wrong == 0


def judge(stylized, gbm):
    stylized, gbm = (json.loads(Path(path).read_text()) for path in (stylized, gbm))
    faults = [f"{row['id']}: {row['value']} is not in {row['low']} to {row['high']}" for row in stylized["rows"] if row["verdict"] == "outside"]
    for row in stylized["rows"]:
        if row["verdict"] != "not_judged" and row["null_outside"] is False:
            faults.append(f"{row['id']}: its null {row['null']} is inside")
    outside = gbm["summary"]["outside"]
    if outside < OUTSIDE_MIN:
        faults.append(f"gbm/1 is outside in {outside} rows, fewer than {OUTSIDE_MIN}")
    summary = stylized["summary"]
    print(f"stylized/1: {summary['inside']} of {summary['judged']} inside, {summary['nulls_outside']} of {summary['nulls']} nulls outside; gbm/1: {outside} outside")
    print("\n".join(faults), end="\n" if faults else "")
    return not faults


def self_test():
    random = np.random.default_rng(1)
    normal = random.normal(size=400_000)
    assert abs(kurtosis(normal)) < 0.05
    assert abs(kurtosis(random.laplace(size=400_000)) - 3) < 0.2
    assert abs(hill(random.uniform(size=400_000) ** (-1 / 3), 0.01) - 3) < 0.15
    assert hill(np.full(1_000, 5.0), 0.02) is None
    assert abs(decay(DECAY_LAGS, [0.3 * lag**-0.4 for lag in DECAY_LAGS], [1e6] * 10) - 0.4) < 1e-9
    assert decay(DECAY_LAGS, [0.001] * 10, [1e4] * 10) is None
    assert abs(slope([0, 1, 2, 2], [0, 1, 5, 5]) - slope([0, 1, 2], [0, 1, 5], [1, 1, 2])) < 1e-12
    assert auc(np.array([0.9, 0.1, 0.5, -0.5]), np.array([True, True, False, False])) == 0.75
    assert auc(np.array([1.0, 1.0]), np.array([True, False])) == 0.5
    common = random.normal(size=100_000)
    assert abs(pair_correlation([common + random.normal(size=100_000) for _ in range(4)]) - 0.5) < 0.02
    assert list(sums(np.arange(5), 2)) == [1, 5]
    print("ok")
    return True


def main(arguments):
    match arguments:
        case ["--self-test"]:
            return self_test()
        case ["compare", report, *exports] if exports:
            return compare(report, exports)
        case ["judge", stylized, gbm]:
            return judge(stylized, gbm)
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1:]) else 3)
