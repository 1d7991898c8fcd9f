"""The columns of the table, and batches of an archive in them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from pyspark.sql.types import StructType

# The columns of an archive, as FORMAT.md orders them, and the two by which a dataset is partitioned. Texts are dictionaries in archives.
_PRICE = "decimal(12,4)"
_COLUMNS = {
    "seq": "bigint",
    "ts": "timestamp",
    "event_type": "string",
    "symbol": "string",
    "exchange": "string",
    "payload_ts": "timestamp",
    "trade_type": "string",
    "order_type": "string",
    "status": "string",
    "trader_id": "string",
    "account_id": "string",
    "price": _PRICE,
    "quantity": "int",
    "order_ref": "bigint",
    "bid_price": _PRICE,
    "spread": _PRICE,
    "bid_size": "int",
    "ask_size": "int",
    "interval": "string",
    "open": _PRICE,
    "high": _PRICE,
    "low": _PRICE,
    "close": _PRICE,
    "vwap": _PRICE,
    "volume": "bigint",
    "date": "date",
    "seed": "bigint",
}
#: The schema of the table, in Spark's own notation.
SCHEMA = ", ".join(f"{name} {type}" for name, type in _COLUMNS.items())
# Rows of a batch: as many as the program writes into a data page at most.
_BATCH_ROWS = 65_536


def check_schema(schema: StructType) -> None:
    """Raises ValueError unless all columns are of the table and have its types. A schema may have fewer columns, in any order."""
    for field in schema.fields:
        expected = _COLUMNS.get(field.name)
        if expected is None:
            raise ValueError(f"the table has no column {field.name!r}: expected some of {', '.join(_COLUMNS)}")
        if field.dataType.simpleString() != expected:
            raise ValueError(f"column {field.name!r} has the type {expected}, not {field.dataType.simpleString()}")


def batches(file: Path, schema: StructType, day: date, seed: int, symbols: Collection[str] | None) -> Iterator[Any]:
    """Yields the messages of an archive as record batches of Arrow that have exactly the columns of the schema.

    `symbols` restricts them; None means all. Only columns that are needed are decoded.
    """
    # executors need pyarrow, a session that only plans does not
    import pyarrow
    import pyarrow.compute
    import pyarrow.parquet

    types = {
        "bigint": pyarrow.int64(),
        "int": pyarrow.int32(),
        "timestamp": pyarrow.timestamp("us", tz="UTC"),
        "string": pyarrow.string(),
        "date": pyarrow.date32(),
        _PRICE: pyarrow.decimal128(12, 4),
    }
    names = [field.name for field in schema.fields]
    target = pyarrow.schema([pyarrow.field(field.name, types[_COLUMNS[field.name]], field.nullable) for field in schema.fields])
    constants = {"date": day, "seed": seed}
    # at least one column is read, since rows are counted by it
    read = [name for name in names if name not in constants] or ["symbol"]
    if symbols is not None and "symbol" not in read:
        read.append("symbol")
    wanted = None if symbols is None else pyarrow.array(sorted(symbols), pyarrow.string())
    with pyarrow.parquet.ParquetFile(file) as archive:
        for batch in archive.iter_batches(_BATCH_ROWS, columns=read):
            if wanted is not None:
                batch = batch.filter(pyarrow.compute.is_in(batch.column("symbol").cast(pyarrow.string()), value_set=wanted))
            if batch.num_rows == 0:
                continue
            arrays = []
            for field in target:
                if field.name in constants:
                    arrays.append(pyarrow.repeat(pyarrow.scalar(constants[field.name], field.type), batch.num_rows))
                else:
                    arrays.append(batch.column(field.name).cast(field.type))
            yield pyarrow.RecordBatch.from_arrays(arrays, schema=target)
