"""databento, the vendor's Python client: HOST PORT KEY. Prints what it received, as JSON."""

import sys

import databento
from databento_dbn import ErrorMsg, MBP1Msg, OHLCVMsg, SymbolMappingMsg, SystemMsg, TradeMsg

from tally import Tally

# prices of the records are in units of 1e-9
UNITS = 100_000
NO_PRICE = 2**63 - 1
KINDS = {"ohlcv-1m": "minutes", "ohlcv-1d": "days"}


def exact(value):
    units, rest = divmod(value, UNITS)
    assert rest == 0, value
    return units


def main():
    host, port, key = sys.argv[1:]
    tally = Tally()
    symbols = {}

    def on_record(record):
        # nanoseconds, of which the last three digits are zero
        at = record.ts_event // 1_000
        if isinstance(record, TradeMsg):
            assert record.instrument_id in symbols, record
            tally.add("trades", at, record.size, exact(record.price))
        elif isinstance(record, MBP1Msg) and str(record.action) == "M":
            level = record.levels[0]
            assert record.price == NO_PRICE, record
            tally.add("quotes", at, level.bid_sz + level.ask_sz, exact(level.bid_px) + exact(level.ask_px))
        elif isinstance(record, MBP1Msg):
            tally.add("book trades", at, record.size, exact(record.price))
        elif isinstance(record, OHLCVMsg):
            # without a vwap
            prices = sum(map(exact, [record.open, record.high, record.low, record.close]))
            tally.add("minutes", at, record.volume, prices)
        elif isinstance(record, SymbolMappingMsg):
            symbols[record.instrument_id] = record.stype_out_symbol
        elif not isinstance(record, SystemMsg):
            sys.exit(f"unexpected record: {record}")

    client = databento.Live(key=key, gateway=host, port=int(port))
    for schema in ["trades", "mbp-1", "ohlcv-1m"]:
        client.subscribe(dataset="EQUS.SIP", schema=schema, stype_in="raw_symbol", symbols="ALL_SYMBOLS")
    client.add_callback(on_record)
    client.start()
    client.block_for_close()
    tally.print()


main()
