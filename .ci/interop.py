#!/usr/bin/env python3
"""Readers that are not ours open an archive without a plug-in: pyarrow, Polars, DuckDB and pandas.

Each has to see the right types, the same number of events of each type, and the same exact sum of all trade prices as the
messages of `tradesim cat` add up to. Needs the packages of .ci/requirements.txt and a built `tradesim` (first argument).
"""

import collections
import decimal
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.compute
import pyarrow.parquet

ROOT = Path(__file__).resolve().parent.parent
TYPES = {
    "ts": "timestamp[us, tz=UTC]",
    "payload_ts": "timestamp[us, tz=UTC]",
    "price": "decimal128(12, 4)",
    "bid_price": "decimal128(12, 4)",
    "open": "decimal128(12, 4)",
    "vwap": "decimal128(12, 4)",
    "seq": "int64",
    "quantity": "int32",
    "volume": "int64",
}


def check(what, found, expected):
    if found != expected:
        sys.exit(f"interop: {what}: {found!r}, expected {expected!r}")
    print(f"interop: {what}: {found}")


def main():
    tradesim = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "hour.parquet")
        command = [tradesim, "record", "--date", "2026-02-18", "--seed", "5", "--from", "09:30", "--to", "10:30"]
        subprocess.run([*command, "-o", path, "--no-env"], check=True, capture_output=True)
        text = subprocess.run([tradesim, "cat", path], check=True, capture_output=True, text=True).stdout
        messages = [json.loads(line) for line in text.splitlines()]
        counts = dict(collections.Counter(message["event_type"] for message in messages))
        prices = [decimal.Decimal(m["payload"]["price"]) for m in messages if m["event_type"] == "trade"]
        total = sum(prices)
        symbols = len({message["payload"]["symbol"] for message in messages})

        table = pyarrow.parquet.read_table(path)
        for name, kind in TYPES.items():
            check(f"pyarrow type of {name}", str(table.schema.field(name).type), kind)
        for name in ("event_type", "symbol", "exchange", "trade_type", "status", "trader_id", "interval"):
            kind = table.schema.field(name).type
            check(f"pyarrow {name} is text", pyarrow.types.is_dictionary(kind) and str(kind.value_type), "string")
        values = table["event_type"].to_pylist()
        check("pyarrow counts", dict(collections.Counter(values)), counts)
        check("pyarrow price sum", pyarrow.compute.sum(table["price"]).as_py(), total)

        frame = polars.read_parquet(path)
        check("Polars type of price", frame.schema["price"], polars.Decimal(12, 4))
        check("Polars type of ts", frame.schema["ts"], polars.Datetime("us", "UTC"))
        grouped = frame.group_by(polars.col("event_type").cast(polars.String)).len().rows()
        check("Polars counts", dict(grouped), counts)
        check("Polars price sum", frame["price"].sum(), total)

        grouped = duckdb.sql(f"select event_type, count(*) from '{path}' group by 1").fetchall()
        check("DuckDB counts", dict(grouped), counts)
        check("DuckDB price sum", duckdb.sql(f"select sum(price) from '{path}'").fetchall()[0][0], total)
        check("DuckDB symbols", duckdb.sql(f"select count(distinct symbol) from '{path}'").fetchall()[0][0], symbols)
        kind = duckdb.sql(f"select typeof(ts), typeof(price) from '{path}' limit 1").fetchall()[0]
        check("DuckDB types", kind, ("TIMESTAMP WITH TIME ZONE", "DECIMAL(12,4)"))

        frame = pandas.read_parquet(path, dtype_backend="pyarrow")
        check("pandas counts", {str(k): int(v) for k, v in frame["event_type"].value_counts().items()}, counts)
        check("pandas price sum", frame["price"].sum(), total)
        check("pandas rows", len(frame), len(messages))

        # the plain form carries everything in columns, ids too
        plain = str(Path(folder) / "plain.parquet")
        subprocess.run([tradesim, "export", path, "-o", plain], check=True, capture_output=True)
        rows = duckdb.sql(f"select count(distinct trade_id), sum(price) from '{plain}'").fetchall()[0]
        check("plain export", rows, (counts["trade"], total))


main()
