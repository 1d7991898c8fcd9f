"""Record and read simulated markets with Spark 4.

    import tradesim_spark

    report = tradesim_spark.record(spark, "/lake", dates="2026-02-02..2026-02-27", seeds="1..3", parts=4, rate=100)
    messages = spark.read.parquet("/lake")

`record` makes a dataset: executors run `tradesim dataset record`, one unit per task, and the driver runs `tradesim dataset seal` at the end.
A task that is run again makes the same file. The data source behind it has the name `tradesim`; reading it simulates days without
storing them:

    tradesim_spark.register(spark)
    days = spark.read.format("tradesim").options(dates="2026-02-17..2026-02-18", seeds=42).load()

Executors need this package with its program, and pyarrow. docs/guide/spark.md describes the options.
"""

from tradesim_spark._session import record, register, units
from tradesim_spark._source import TradesimSource

__all__ = ["TradesimSource", "record", "register", "units"]
