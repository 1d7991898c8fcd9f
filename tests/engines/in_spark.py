"""Runs in Spark, in the folder of the definitions: executes them, and prints facts of each view as JSON."""

import json
from pathlib import Path

from pyspark.sql import SparkSession

PRICES = {"trades": "price", "orderbook": "bid_price", "marketdata": "vwap"}

spark = SparkSession.builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
found = {}
for view, price in PRICES.items():
    for statement in Path(f"{view}.sql").read_text(encoding="utf-8").split(";\n"):
        if statement:
            spark.sql(statement)
    row = spark.sql(f"""
        select count(*), sum(seq), cast(sum(cast(unix_micros(timestamp) as decimal(38, 0))) as string), cast(sum({price}) as string)
        from {view} where run = 'engines'
    """).first()
    found[view] = list(row)
print(json.dumps(found))
