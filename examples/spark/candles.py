"""Candles of one minute from the executions in the topic of trades, by Structured Streaming with a checkpoint.

    tradesim schemas ddl --engine spark trade >trades.sql
    spark-submit --packages … candles.py trades.sql --topic raw.trades --checkpoint C --output O

Reads to the end of the topic as it is now, and returns. Start it again with the same checkpoint after new records, or after a
crash: it continues where it was. A batch that was interrupted is repeated and replaces its own folder `batch=N`, so each
execution counts once. `latest` shows how to read the folder.
"""

import argparse
from pathlib import Path

from pyspark.sql import SparkSession, functions as f
from pyspark.sql.window import Window

# longer than the topic's partitions are apart within one batch
LATENESS = "1 hour"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("definition", help="what `tradesim schemas ddl --engine spark trade` printed")
    parser.add_argument("--bootstrap-servers", default="localhost:9092,localhost:9093,localhost:9094")
    parser.add_argument("--topic", default="raw.trades")
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--records-per-batch", type=int, default=100_000)
    options = parser.parse_args()

    spark = SparkSession.builder.appName("candles").config("spark.sql.session.timeZone", "UTC").getOrCreate()
    records = spark.readStream.format("kafka").options(**{
        "kafka.bootstrap.servers": options.bootstrap_servers, "subscribe": options.topic,
        "kafka.isolation.level": "read_committed", "startingOffsets": "earliest", "includeHeaders": "true",
        "maxOffsetsPerTrigger": str(options.records_per_batch),
    }).load()
    # the second statement of the definition is the view of the events in the records, whatever the records come from
    records.createOrReplaceTempView("trades_records")
    _, view = Path(options.definition).read_text(encoding="utf-8").split(";\n")[:2]
    spark.sql(view)

    def write(candles, batch):
        candles.coalesce(1).write.mode("overwrite").parquet(f"{options.output}/batch={batch}")

    stream = candles(spark.table("trades")).writeStream.outputMode("update").foreachBatch(write)
    stream.option("checkpointLocation", options.checkpoint).trigger(availableNow=True).start().awaitTermination()


def candles(trades):
    """Of executions. `seq` orders those that share a microsecond; the average is rounded half up in integers."""
    amount = (f.col("price") * 10_000).cast("bigint") * f.col("quantity")
    executions = trades.where("status in ('PARTIALLY_FILLED', 'FILLED')").withColumn("amount", amount)
    groups = executions.withWatermark("timestamp", LATENESS).groupBy("symbol", f.window("timestamp", "1 minute"))
    volume = f.sum(f.col("quantity").cast("bigint"))
    return groups.agg(
        f.min_by("price", "seq").alias("open"), f.max("price").alias("high"), f.min("price").alias("low"),
        f.max_by("price", "seq").alias("close"), volume.alias("volume"), f.sum("amount").alias("amount"),
    ).selectExpr(
        "symbol", "window.start as start", "open", "high", "low", "close", "volume",
        "cast(cast((2 * amount + volume) div (2 * volume) as decimal(16, 0)) * 0.0001 as decimal(12, 4)) as vwap",
    )


def latest(spark, output):
    """The candles, each from the last batch that changed it."""
    newest = Window.partitionBy("symbol", "start").orderBy(f.col("batch").desc())
    return spark.read.parquet(output).withColumn("n", f.row_number().over(newest)).where("n = 1").drop("n", "batch")


if __name__ == "__main__":
    main()
