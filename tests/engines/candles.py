"""The candles of one minute that every engine has to find: DuckDB's on the archive, compared with those of the archive itself."""

import datetime
import decimal

import duckdb
from harness import require

FIELDS = ("open", "high", "low", "close", "volume", "vwap")
# the average rounded half up, in integers
QUERY = """
    select symbol, date_trunc('minute', ts) as start, arg_min(price, seq), max(price), min(price), arg_max(price, seq),
      sum(quantity)::bigint,
      ((2 * sum((price * 10000)::bigint * quantity) + sum(quantity)) // (2 * sum(quantity)))::decimal(18, 0) * 0.0001
    from read_parquet(?) where status in ('PARTIALLY_FILLED', 'FILLED') group by all
"""
OWN = """
    select symbol, payload_ts, open, high, low, close, volume, vwap from read_parquet(?) where interval = '1m'
"""


def connection():
    """DuckDB, with times in UTC."""
    duck = duckdb.connect()
    duck.execute("set timezone = 'UTC'")
    return duck


def by_key(rows):
    """Returns {(symbol, start): (open, high, low, close, volume, vwap)} of rows in that order, with exact decimals."""
    found = {}
    for symbol, start, *values in rows:
        if start.tzinfo is None:
            start = start.replace(tzinfo=datetime.timezone.utc)
        key = symbol, start.astimezone(datetime.timezone.utc)
        require(key not in found, f"two candles of {symbol} at {start}")
        found[key] = tuple(int(value) if name == "volume" else decimal.Decimal(value).quantize(decimal.Decimal("0.0001"))
                           for name, value in zip(FIELDS, values, strict=True))
    return found


def expected(archive):
    """Returns the candles by DuckDB. Those of the archive must be the same, where it has all of their executions."""
    duck = connection()
    candles = by_key(duck.execute(QUERY, [str(archive)]).fetchall())
    own = by_key(duck.execute(OWN, [str(archive)]).fetchall())
    first, last = min(start for _, start in candles), max(start for _, start in candles)
    # a cut begins with candles of executions before it, and ends with executions whose candle comes after it
    whole = {key: values for key, values in own.items() if key[1] >= first}
    require(len(whole) > 100, f"the archive has {len(whole)} candles")
    compare("DuckDB", {key: values for key, values in candles.items() if key in whole or key[1] < last}, whole)
    return candles


def compare(engine, found, wanted):
    """Fails with the first difference."""
    missing, further = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    require(not missing and not further, f"{engine}: candles missing {missing[:3]} ({len(missing)}), further {further[:3]} ({len(further)})")
    for key, values in sorted(wanted.items()):
        require(found[key] == values, f"{engine}: {key[0]} at {key[1]}: {dict(zip(FIELDS, found[key]))}, expected {dict(zip(FIELDS, values))}")
