"""Runs in chdb, in the folder of the definitions: executes them, reads the topics, and prints what the tables hold as JSON.

chdb has ClickHouse's engine for Kafka, but not the background tasks that feed materialized views. So creating a queue reports
"Shutdown was called" after the table exists, and the query of the view is executed here as `INSERT … SELECT`.
"""

import json
import re
import sys
from pathlib import Path

from chdb import session

TABLES = {"trade": "trades", "orderbook": "orderbook", "marketdata": "marketdata"}
# a query continues where the one before it ended, and reads as much as there is
SELECTED = ",\n  kafka_commit_on_select = 1,\n  kafka_max_block_size = 1000000,\n  kafka_flush_interval_ms = 120000"
TRIES_MAX = 60

CANDLES = """
    select symbol, toString(toStartOfMinute(timestamp)) as start, toString(argMin(price, seq)), toString(max(price)),
      toString(min(price)), toString(argMax(price, seq)), toString(sum(quantity)),
      toString(toDecimal64(intDiv(2 * sum(toInt64(price * 10000) * quantity) + sum(quantity), 2 * sum(quantity)), 4) * toDecimal64('0.0001', 4))
    from trades final where status in ('PARTIALLY_FILLED', 'FILLED') group by symbol, start, toStartOfMinute(timestamp)
"""
SUMS = """
    select toString(sum(bid_price)), toString(sum(ask_price)), toString(sum(bid_size)), toString(sum(toInt128(toUnixTimestamp64Micro(timestamp))))
    from orderbook final union all
    select toString(sum(open)), toString(sum(vwap)), toString(sum(volume)), toString(sum(toInt128(toUnixTimestamp64Micro(timestamp))))
    from marketdata final
"""


def main():
    counts = json.loads(sys.argv[1])
    with session.Session() as chdb:
        chdb.query("create database market")
        chdb.query("use market")
        found = {event_type: read(chdb, event_type, expected) for event_type, expected in counts.items()}
        print(json.dumps({"rows": found, "sums": rows(chdb, SUMS + " settings union_default_mode = 'ALL'"), "candles": rows(chdb, CANDLES)}))


def read(chdb, event_type, expected):
    queue, table, view = (text for text in Path(f"{event_type}.sql").read_text(encoding="utf-8").split(";\n") if text)
    try:
        chdb.query(queue + SELECTED)
    except Exception as error:
        if "Shutdown was called" not in str(error):
            raise
    chdb.query(table)
    query = re.fullmatch(r"CREATE MATERIALIZED VIEW \S+ TO (\S+) AS (SELECT.*)", view, re.S)
    # a consumer joins its group first, so the first queries may read nothing
    for _ in range(TRIES_MAX):
        chdb.query(f"INSERT INTO {query[1]} {query[2]} SETTINGS stream_like_engine_allow_direct_select = 1")
        [[count]] = rows(chdb, f"select uniqExact(seq) from {TABLES[event_type]} where run = 'engines'")
        if int(count) >= expected:
            break
    [[count]] = rows(chdb, f"select count() from {TABLES[event_type]} final")
    return int(count)


def rows(chdb, query):
    return json.loads(str(chdb.query(query, "JSONCompact")))["data"]


main()
