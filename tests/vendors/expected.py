"""What clients must receive of an archive, as DuckDB finds it."""

import duckdb

# the start of the playback counts a client at its first subscription, and Finnhub has one message for each symbol
SYMBOL = "AAPL"

TRADES = "event_type = 'trade' AND status IN ('PARTIALLY_FILLED', 'FILLED')"
VALUES = {
    # name: rows, size, price
    "trades": (TRADES, "quantity", "price"),
    "quotes": ("event_type = 'orderbook'", "bid_size + ask_size", "bid_price + (bid_price + spread)"),
    "minutes": ("event_type = 'marketdata' AND interval = '1m'", "volume", "open + high + low + close + vwap"),
    "minutes without vwap": ("event_type = 'marketdata' AND interval = '1m'", "volume", "open + high + low + close"),
    "some trades": (f"{TRADES} AND symbol = '{SYMBOL}'", "quantity", "price"),
}
TIME = "epoch_us(coalesce(payload_ts, ts))"


def found_in(archive):
    """Returns for each kind and unit of time what a client must receive: a number, and sums of times, sizes and prices."""
    found = {}
    for kind, (rows, size, price) in VALUES.items():
        for unit, micros in [("us", 1), ("ms", 1_000)]:
            query = f"""
                SELECT count(*), sum({TIME} // {micros}), sum({size}), sum(({price}) * 10000)
                FROM '{archive}' WHERE {rows}"""
            found[kind, unit] = [int(value) for value in duckdb.sql(query).fetchall()[0]]
    return found


def tops_of_book(archive):
    """Returns the same sums of the book at each snapshot and at each execution, and number and times of executions before the first book
    of their symbol."""
    _, size, price = VALUES["quotes"]
    query = f"""
        WITH tops AS (
            SELECT {TIME} AS instant,
                last_value({size} IGNORE NULLS) OVER so_far AS size,
                last_value({price} IGNORE NULLS) OVER so_far AS price
            FROM '{archive}' WHERE event_type = 'orderbook' OR {TRADES}
            WINDOW so_far AS (PARTITION BY symbol ORDER BY seq ROWS UNBOUNDED PRECEDING)
        )
        SELECT count(size), sum(instant) FILTER (WHERE size IS NOT NULL), sum(size), sum(price * 10000),
            count(*) FILTER (WHERE size IS NULL), sum(instant) FILTER (size IS NULL)
        FROM tops"""
    sums = [int(value or 0) for value in duckdb.sql(query).fetchall()[0]]
    return sums[:4], sums[4:]


def listings(archive):
    """Returns each symbol and its exchange."""
    return duckdb.sql(f"SELECT DISTINCT symbol, exchange FROM '{archive}' ORDER BY symbol").fetchall()
