"""What a program calls."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Any, Union

from pyspark.sql import functions

from tradesim._binary import StrPath, run
from tradesim_spark._request import Request
from tradesim_spark._source import TradesimSource

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Dates = Union[str, date, Iterable[Union[str, date]]]
Seeds = Union[str, int, Iterable[int]]


def register(spark: SparkSession) -> None:
    """Registers the data source `tradesim` in a session."""
    spark.dataSource.register(TradesimSource)


def units(spark: SparkSession, *, dates: Dates, seeds: Seeds, parts: int = 1, **options: Any) -> DataFrame:
    """Returns the units of a dataset, a row (date, seed, part) for each, in a partition of its own.

    The options are those of `record`. Nothing is simulated. Raises TradesimError, with exit code 2 for options that are not valid.
    """
    texts = _texts(dates=dates, seeds=seeds, parts=parts, **options)
    plan = Request.of(texts).plan()
    days = functions.array(*(functions.lit(day) for day in plan.dates))
    numbers = functions.array(*(functions.lit(seed).cast("bigint") for seed in plan.seeds))
    number = functions.col("id")
    of = len(plan.ranges)
    # a range has as many partitions as asked for, in every kind of session, and a unit for each of them here
    return spark.range(0, len(plan), 1, len(plan)).select(
        functions.get(days, functions.floor(number / (of * len(plan.seeds))).cast("int")).alias("date"),
        functions.get(numbers, (functions.floor(number / of) % len(plan.seeds)).cast("int")).alias("seed"),
        (number % of).cast("int").alias("part"),
    )


def record(
    spark: SparkSession,
    path: StrPath,
    *,
    dates: Dates,
    seeds: Seeds,
    parts: int = 1,
    **options: Any,
) -> dict[str, Any]:
    """Records a dataset with all executors, seals it, and returns the report of `tradesim dataset seal --json`.

    `path` is a folder that driver and executors share. `dates` are trading days: `2026-02-18`, `2026-02-02..2026-02-27` or several;
    `seeds` likewise; `parts` divides each day by symbols. Other keyword arguments are options of `tradesim dataset record`, such as
    `rate=100` or `burst=True`, and three of this package: `binary` (the path of the program on driver and executors), `threads` (of one
    task, 1 by default), and `seal` (false leaves the dataset open for further units; then the report is empty).

    Units that are complete are kept, so a job that failed is run again. Raises TradesimError with exit code 2 for options that are not
    valid; an error of Spark contains the exit code and message of the program if a task or the driver's seal failed.
    """
    register(spark)
    texts = _texts(dates=dates, seeds=seeds, parts=parts, **options)
    request = Request.of(texts)
    rows = units(spark, dates=dates, seeds=seeds, parts=parts, **options)
    root = os.fspath(path) if "://" in os.fspath(path) else os.path.abspath(path)
    rows.write.format("tradesim").mode("append").options(**texts).save(root)
    if not request.seal:
        return {}
    # the manifest is there: this compares it with the files, and reports
    report: dict[str, Any] = json.loads(run("dataset", "seal", "--no-env", "--json", "--", root, binary=request.binary))
    return report


def _texts(**options: Any) -> dict[str, str]:
    """Returns options as Spark passes them: texts, with lists separated by commas. None leaves an option out."""
    texts = {}
    for name, value in options.items():
        if value is None:
            continue
        if isinstance(value, bool):
            texts[name] = str(value).lower()
        elif isinstance(value, Iterable) and not isinstance(value, str):
            texts[name] = ",".join(str(item) for item in value)
        else:
            texts[name] = str(value)
    return texts
