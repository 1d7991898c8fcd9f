"""Archives: made by `record`, opened by `open`, read by the usual tools."""

from __future__ import annotations

import datetime
import importlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from tradesim._binary import StrPath, flags, run

if TYPE_CHECKING:
    import duckdb
    import pandas
    import polars
    import pyarrow


class MissingPackageError(ImportError):
    """A package that is needed to read a recording is not installed."""


def _import(module: str, *packages: str) -> Any:
    """Imports a module that this package does not depend on."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        missing = " ".join(packages or (module.partition(".")[0],))
        raise MissingPackageError(
            f"reading a recording this way needs `{module}`: run `python -m pip install {missing}`", name=module
        ) from error


class Recording:
    """A recording in an archive.

    The methods return its messages as one table, a row for each message in the order of the recording. docs/guide/analyse.md describes
    the columns.
    """

    def __init__(self, path: StrPath, info: dict[str, Any]) -> None:
        self.path = Path(path)
        #: The report of `tradesim info --json`, or of `tradesim record --json`.
        self.info = info

    @property
    def digest(self) -> str:
        """The content digest, such as `blake3:40423bcf…`. Equal digests mean equal messages."""
        return str(self.info["digest"])

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def __len__(self) -> int:
        """Returns the number of messages."""
        return int(self.info["events"]["total"])

    def __repr__(self) -> str:
        return f"Recording({str(self.path)!r}, digest={self.digest!r})"

    def arrow(self) -> pyarrow.Table:
        """Returns a table of pyarrow."""
        table: pyarrow.Table = _import("pyarrow.parquet").read_table(self.path)
        return table

    def polars(self) -> polars.LazyFrame:
        """Returns a lazy frame of Polars, which reads what a query needs when it is collected."""
        frame: polars.LazyFrame = _import("polars").scan_parquet(self.path)
        return frame

    def pandas(self) -> pandas.DataFrame:
        """Returns a data frame of pandas, whose columns have types of Arrow: prices stay exact decimals."""
        _import("pyarrow")
        frame: pandas.DataFrame = _import("pandas", "pandas", "pyarrow").read_parquet(
            self.path, engine="pyarrow", dtype_backend="pyarrow"
        )
        return frame

    def duckdb(self, connection: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyRelation:
        """Returns a relation of DuckDB in the given connection, or in the default one."""
        # times come with a time zone, which the client of DuckDB takes from pytz
        _import("pytz")
        module = _import("duckdb", "duckdb", "pytz")
        relation: duckdb.DuckDBPyRelation = (connection or module).read_parquet(str(self.path))
        return relation


def open(path: StrPath) -> Recording:
    """Opens an archive: the program checks its structure and metadata, as `tradesim info` does.

    Raises TradesimError, with exit code 1 if there is no such file, and 65 if it is not an archive or is damaged.
    """
    return Recording(path, json.loads(run("info", "--json", "--no-env", "--", path)))


def record(
    date: Union[str, datetime.date],
    seed: int,
    *,
    output: StrPath | None = None,
    **options: Any,
) -> Recording:
    """Simulates a trading day into an archive. The same version, date, seed and options give the same messages.

    `output` is the name of the file; without one it is `DATE.seedN.parquet` in the working folder. Other keyword arguments are the options
    of `tradesim record`: `rate=100`, `symbols=["AAPL", "MSFT"]`, `from_="09:30"`, `limit=1000`, `force=True`.

    Raises TradesimError, with exit code 2 for an option or a date that is not valid, and 73 if the file exists.
    """
    day = date.isoformat() if isinstance(date, datetime.date) else date
    words = flags({"date": day, "seed": seed, "output": output, **options})
    info = json.loads(run("record", "--json", "--no-env", *words))
    return Recording(info["file"], info)
