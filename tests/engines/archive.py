"""DuckDB: the views of an archive have the fields of the messages, row by row."""

import datetime
import decimal
import json

import candles
from harness import require, say

# derived when an archive is read, and constants of the Avro values
NOT_STORED = {"trade_id", "correlation_id"}


def run(topics):
    bench = topics.bench
    duck = candles.connection()
    # the names of files come from users
    path = topics.folder("duckdb") / "it's a copy.parquet"
    path.symlink_to(topics.recording)
    duck.execute(bench.run("schemas", "ddl", "--engine", "duckdb", "--archive", path))
    messages = [json.loads(line) for line in bench.run("cat", topics.recording).splitlines()]
    rows = 0
    for event_type, view in (("trade", "trades"), ("orderbook", "orderbook"), ("marketdata", "marketdata")):
        relation = duck.execute(f"select * from {view} order by seq")
        names = [column[0] for column in relation.description]
        payloads = [message for message in messages if message["event_type"] == event_type]
        found = relation.fetchall()
        require(len(found) == len(payloads), f"{view}: {len(found)} rows, expected {len(payloads)}")
        for row, message in zip(found, payloads):
            _same(view, dict(zip(names, row)), message)
        rows += len(found)
    query = "select symbol, timestamp, open, high, low, close, volume, vwap from marketdata where interval = '1m'"
    first = min(start for _, start in topics.candles)
    own = {key: values for key, values in candles.by_key(duck.execute(query).fetchall()).items() if key[1] >= first}
    require(own and own.items() <= topics.candles.items(), "the view of candles has others than the archive")
    say(f"  {rows:,} rows of three views equal the messages of `cat`")


def _same(view, row, message):
    place = f"{view}, seq {row.pop('seq')}"
    require(row.pop("emitted") == _time(message["timestamp"]), f"{place}: the emission time")
    payload = message["payload"]
    expected = {name: value for name, value in payload.items() if name not in NOT_STORED}
    require(row.keys() == expected.keys(), f"{place}: fields {sorted(row)}, expected {sorted(expected)}")
    for name, value in row.items():
        wanted = expected[name]
        if isinstance(value, decimal.Decimal):
            same = value == decimal.Decimal(wanted) and value.as_tuple().exponent == -4
        elif isinstance(value, datetime.datetime):
            same = value == _time(wanted)
        else:
            same = value == wanted
        require(same, f"{place}: {name} is {value!r}, expected {wanted!r}")


def _time(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
