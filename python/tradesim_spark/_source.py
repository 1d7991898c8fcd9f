"""The data source `tradesim`: days that are simulated while they are read, and datasets that are recorded."""

from __future__ import annotations

import operator
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from pyspark.sql import Row
from pyspark.sql.datasource import DataSource, DataSourceReader, DataSourceWriter, InputPartition, WriterCommitMessage
from pyspark.sql.types import StructType

from tradesim._binary import run
from tradesim_spark._request import Plan, Request
from tradesim_spark._table import SCHEMA, batches, check_schema

# A seed is an unsigned integer of 64 bits, and Spark has only signed ones.
_SEED_MAX = 2**63 - 1


class TradesimSource(DataSource):
    """The data source. `tradesim_spark.register` makes it known to a session."""

    def __init__(self, options: MutableMapping[str, str]) -> None:
        super().__init__(options)
        self._request = Request.of(options)

    @classmethod
    def name(cls) -> str:
        return "tradesim"

    def schema(self) -> str:
        return SCHEMA

    def reader(self, schema: StructType) -> DataSourceReader:
        check_schema(schema)
        if self._request.root is not None:
            raise ValueError("the data source `tradesim` simulates what it reads: read a recorded dataset with spark.read.parquet")
        plan = self._request.plan()
        too_large = [seed for seed in plan.seeds if seed > _SEED_MAX]
        if too_large:
            raise ValueError(f"seed {too_large[0]} does not fit the column `seed`: expected at most {_SEED_MAX}")
        only = self._request.only_symbols
        unknown = sorted(only - plan.symbols()) if only is not None else []
        if unknown:
            raise ValueError(f"unknown symbol {unknown[0]!r} in the option `only_symbols`: expected some of {', '.join(sorted(plan.symbols()))}")
        kind = _FilteringReader if self._request.push_filters else _Reader
        return kind(self._request, plan, schema, only)

    def writer(self, schema: StructType, overwrite: bool) -> DataSourceWriter:
        if overwrite:
            raise ValueError("a dataset is never overwritten: use mode('append'), which keeps units that are there, or another folder")
        if self._request.root is None:
            raise ValueError("the folder of the dataset is missing: save(PATH)")
        missing = [name for name in ("date", "seed", "part") if name not in schema.fieldNames()]
        if missing:
            raise ValueError(f"the rows have no column {', '.join(missing)}: tradesim_spark.units makes them")
        # executors work in folders of their own
        root = self._request.root if "://" in self._request.root else os.path.abspath(self._request.root)
        plan = self._request.plan()
        self._request.claim(root)
        return _Writer(self._request, plan, root)


@dataclass
class _Unit(InputPartition):
    """One part of one day, which one task simulates."""

    day: date
    seed: int
    part: int


@dataclass
class _Reader(DataSourceReader):
    request: Request
    plan: Plan
    table: StructType
    #: The symbols that are read. None for all.
    symbols: frozenset[str] | None

    def partitions(self) -> list[InputPartition]:
        """Returns the units with messages of the wanted dates, seeds and symbols."""
        parts = [part for part, has in enumerate(self.plan.ranges) if self.symbols is None or not self.symbols.isdisjoint(has)]
        return [_Unit(day, seed, part) for day in self.plan.dates for seed in self.plan.seeds for part in parts]

    def read(self, partition: InputPartition) -> Iterator[Any]:
        """Simulates a unit on an executor."""
        # without units Spark asks for a partition of its own
        if not isinstance(partition, _Unit):
            return
        with tempfile.TemporaryDirectory(prefix="tradesim-read-") as folder:
            # of a dataset with one day, the number of the unit is that of the part
            share = f"{partition.part}/{len(self.plan.ranges)}"
            words = self.request.words_of_day(partition.day, partition.seed)
            (made,) = self.request.record(folder, words, share)
            file = Path(folder, made["file"])
            yield from batches(file, self.table, partition.day, partition.seed, self.symbols)


class _FilteringReader(_Reader):
    """A reader that lets the filters of a query decide what is simulated.

    It is not the default, because Spark 4.3 keeps the filters of one query for the next query of the same data frame, if that one has no
    filters, and for other uses of the data frame in the same query. Rows are then missing.
    """

    def pushFilters(self, filters: list[Any]) -> Iterable[Any]:
        """Takes filters on date, seed and symbol, and returns the others. Spark calls it from 4.1 on."""
        for condition in filters:
            keep = _predicate(condition)
            if keep is None:
                yield condition
                continue
            (column,) = condition.attribute
            if column == "date":
                self.plan = replace(self.plan, dates=tuple(filter(keep, self.plan.dates)))
            elif column == "seed":
                self.plan = replace(self.plan, seeds=tuple(filter(keep, self.plan.seeds)))
            else:
                self.symbols = frozenset(filter(keep, self.plan.symbols() if self.symbols is None else self.symbols))


@dataclass
class _Recorded(WriterCommitMessage):
    """The units that a task recorded, or found complete."""

    files: list[str]


@dataclass
class _Writer(DataSourceWriter):
    request: Request
    plan: Plan
    root: str

    def write(self, iterator: Iterator[Row]) -> WriterCommitMessage:
        """Records the units of the rows on an executor.

        If the executor dies, or runs the same rows twice at the same time, nothing is lost or doubled: the name and the content of a file
        follow from its unit, and a file appears when it is complete.
        """
        files: list[str] = []
        for row in iterator:
            day = row["date"] if isinstance(row["date"], date) else date.fromisoformat(row["date"])
            share = self.plan.share(day, row["seed"], row["part"])
            files.extend(unit["file"] for unit in self.request.record(self.root, self.request.words, share))
        return _Recorded(files)

    def commit(self, messages: list[WriterCommitMessage | None]) -> None:
        """Seals the dataset on the driver. Spark calls it when all tasks have succeeded."""
        if self.request.seal:
            run("dataset", "seal", "--no-env", "--json", "--", self.root, binary=self.request.binary)

    def abort(self, messages: list[WriterCommitMessage | None]) -> None:
        """Does nothing: a dataset without a manifest is unfinished, and its complete units are kept for the next attempt."""


def _predicate(condition: Any) -> Callable[[Any], bool] | None:
    """Returns the test of values for a filter on date, seed or symbol, and None for all others."""
    # only Spark 4.1 and later have filters, and only they call this
    from pyspark.sql import datasource

    if condition.attribute not in (("date",), ("seed",), ("symbol",)):
        return None
    if isinstance(condition, datasource.IsNotNull):
        return lambda value: True
    if isinstance(condition, datasource.In):
        allowed = frozenset(condition.value)
        return lambda value: value in allowed
    comparisons = {
        datasource.EqualTo: operator.eq,
        datasource.GreaterThan: operator.gt,
        datasource.GreaterThanOrEqual: operator.ge,
        datasource.LessThan: operator.lt,
        datasource.LessThanOrEqual: operator.le,
    }
    compare = comparisons.get(type(condition))
    if compare is None or condition.value is None:
        return None
    return lambda value: bool(compare(value, condition.value))
