"""ClickHouse in a process (chdb): its engine for Kafka reads the topics of a real cluster, with the registry."""

import datetime
import decimal
import json

import candles
from harness import ROOT, require, say
from processes import finish


def run(topics):
    folder = topics.folder("clickhouse")
    for event_type in ("trade", "orderbook", "marketdata"):
        (folder / f"{event_type}.sql").write_text(topics.definition("clickhouse", event_type), encoding="utf-8")
    script = ROOT / "tests" / "engines" / "in_clickhouse.py"
    python = topics.installed / "venv" / "bin" / "python"
    events = topics.bench.report("info", topics.recording)["events"]
    counts = {name: events[name] for name in ("trade", "orderbook", "marketdata")}
    said = json.loads(finish("chdb", [python, script, json.dumps(counts)], folder))
    require(said["rows"] == counts, f"rows {said['rows']}, expected {counts}")
    _sums(topics, said["sums"])
    rows = ((symbol, datetime.datetime.fromisoformat(start), *values) for symbol, start, *values in said["candles"])
    candles.compare("ClickHouse", candles.by_key(rows), topics.candles)
    say(f"  {sum(counts.values()):,} rows of three topics, each seq once; {len(said['candles']):,} candles equal")


def _sums(topics, found):
    """What the other two topics hold, by exact sums."""
    duck = candles.connection()
    expected = duck.execute("""
        select sum(bid_price)::varchar, sum(bid_price + spread)::varchar, sum(bid_size)::varchar, sum(epoch_us(ts))::varchar
        from read_parquet(?) where event_type = 'orderbook' union all
        select sum(open)::varchar, sum(vwap)::varchar, sum(volume)::varchar, sum(epoch_us(payload_ts))::varchar
        from read_parquet(?) where event_type = 'marketdata'
    """, [str(topics.recording)] * 2).fetchall()
    # the rows of a union have no order
    numbers = [sorted([decimal.Decimal(cell) for cell in row] for row in rows) for rows in (found, expected)]
    require(numbers[0] == numbers[1], f"sums {found}, expected {expected}")
