"""The data source, with real Spark. `.ci/spark` runs this."""

import datetime
import json
import subprocess

import pyarrow.parquet
import pytest
import tradesim
import tradesim_spark
from processes import Killer
from pyspark.errors import PySparkException
from pyspark.sql import functions

SMALL = {"dates": "2026-02-17..2026-02-18", "seeds": "1..2", "parts": 4, "rate": 1}
DAYS = [datetime.date(2026, 2, 17), datetime.date(2026, 2, 18)]


def words(options):
    return [f"--{name}={value}" for name, value in options.items()]


def alone(program, root, options):
    """Records the dataset by one process."""
    for command in (["record", "--no-env", *words(options), root], ["seal", "--no-env", root]):
        subprocess.run([program, "dataset", *command], check=True, capture_output=True)
    return root


def tree(root):
    # Spark's readers leave nothing there
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def manifest(root):
    return json.loads((root / "_tradesim" / "manifest.json").read_text())


@pytest.fixture(scope="session")
def lake(tmp_path_factory, program):
    return alone(program, tmp_path_factory.mktemp("alone") / "lake", SMALL)


def table(spark, program, **options):
    tradesim_spark.register(spark)
    return spark.read.format("tradesim").options(**{"binary": program, **SMALL, **options})


def test_executor_that_is_killed_while_it_records_loses_and_doubles_nothing(spark, program, counted, tmp_path):
    binary, shares = counted
    options = {"dates": "2026-02-17..2026-02-18", "seeds": "1..2", "parts": 2, "rate": 20}
    root = tmp_path / "lake"
    killer = Killer(root)
    killer.start()
    try:
        report = tradesim_spark.record(spark, root, **options, binary=binary)
    finally:
        killer.ended.set()
        killer.join()
    assert killer.share is not None, "no executor was killed"
    # the unit that was lost was recorded again, and only it
    assert sorted(set(shares())) == sorted(f"--shard={unit}/8" for unit in range(8))
    assert shares().count(killer.share) == 2
    assert (report["ok"], report["units"]) == (True, 8)

    verified = subprocess.run(
        [program, "dataset", "verify", "--no-env", "--recompute", "25%", "--json", root], check=True, capture_output=True, text=True
    )
    assert json.loads(verified.stdout)["ok"]
    assert tree(root) == tree(alone(program, tmp_path / "alone", options))

    # Spark reads the folder as it is, and every symbol of every day has the messages of the manifest
    rows = spark.read.parquet(str(root)).groupBy("date", "seed", "symbol").count().collect()
    counts = {(row["date"].isoformat(), row["seed"], row["symbol"]): row["count"] for row in rows}
    assert counts == {(key["date"], key["seed"], key["symbol"]): key["messages"] for key in manifest(root)["keys"]}
    assert len(counts) == 200


def test_dataset_of_another_recipe_and_a_date_without_trading_fail_before_any_task(spark, counted, tmp_path):
    binary, shares = counted
    root = tmp_path / "lake"
    few = {"dates": DAYS[:1], "seeds": 1, "rate": 1, "binary": binary}
    tradesim_spark.record(spark, root, **few)
    before = tree(root)
    assert shares() == ["--shard=0/1"]
    with pytest.raises(PySparkException, match="exit code 73: error: .* is another dataset: .*rate"):
        tradesim_spark.record(spark, root, **{**few, "rate": 2})
    with pytest.raises(tradesim.TradesimError) as raised:
        tradesim_spark.record(spark, root, **{**few, "dates": "2026-02-14"})
    assert raised.value.exit_code == 2 and "Saturday" in str(raised.value)
    assert shares() == ["--shard=0/1"]
    # the same again keeps what is there
    tradesim_spark.record(spark, root, **few)
    assert tree(root) == before


def test_rows_choose_the_units_and_an_open_dataset_has_no_manifest(spark, program, lake, tmp_path):
    root = tmp_path / "lake"
    units = tradesim_spark.units(spark, **SMALL, binary=program)
    assert [tuple(row) for row in units.collect()] == [(day, seed, part) for day in DAYS for seed in (1, 2) for part in range(4)]
    assert units.rdd.getNumPartitions() == 16

    def write(rows, **options):
        rows.write.format("tradesim").mode("append").options(binary=program, **SMALL, **options).save(str(root))

    write(units.where("seed = 1"), seal=False)
    assert not (root / "_tradesim" / "manifest.json").exists()
    assert len(list(root.glob("date=*/seed=1/*.parquet"))) == 8
    with pytest.raises(PySparkException, match="exit code 3"):
        write(units.where("seed = 1"))
    write(units.where("seed = 2"))
    assert tree(root) == tree(lake)

    unknown = spark.createDataFrame([(DAYS[0], 3, 0)], "date date, seed bigint, part int")
    with pytest.raises(PySparkException, match="no unit date=2026-02-17 seed=3 part=0"):
        write(unknown)
    with pytest.raises(PySparkException, match="never overwritten"):
        units.write.format("tradesim").mode("overwrite").options(binary=program, **SMALL).save(str(root))
    assert tree(root) == tree(lake)


def test_virtual_table_has_the_rows_of_the_recorded_dataset(spark, counted, lake):
    binary, shares = counted
    virtual = table(spark, binary, seeds=1).load()
    recorded = spark.read.parquet(str(lake)).withColumn("seed", functions.col("seed").cast("bigint")).where("seed = 1")
    assert virtual.schema == recorded.schema
    # the same data frame with a filter and without one: Spark applies the filter
    assert virtual.where("symbol = 'AAPL' and seed = 1").count() == recorded.where("symbol = 'AAPL'").count() > 0
    assert virtual.count() == sum(key["messages"] for key in manifest(lake)["keys"] if key["seed"] == 1)
    assert len(shares()) == 2 * 8
    few = table(spark, binary, dates="2026-02-18", seeds=1, only_symbols="AAPL,XOM").load()
    same = recorded.where("symbol in ('AAPL', 'XOM') and date = date'2026-02-18'")
    assert few.exceptAll(same).isEmpty() and same.exceptAll(few).isEmpty()
    # AAPL is in part 0 of 4, XOM in part 3
    assert set(shares()[16:]) == {"--shard=0/4", "--shard=3/4"}
    with pytest.raises(PySparkException, match="unknown symbol 'NOPE'"):
        table(spark, binary, only_symbols="AAPL,NOPE").load().count()


def test_filters_that_are_pushed_decide_what_is_simulated(spark, counted, lake):
    binary, shares = counted

    def days():
        # a data frame of its own for each query: see the guide
        return table(spark, binary, push_filters="true").load()

    with pytest.raises(PySparkException, match="spark.sql.python.filterPushdown.enabled"):
        days().where("seed = 2").count()
    spark.conf.set("spark.sql.python.filterPushdown.enabled", "true")
    try:
        few = days().where("symbol = 'MSFT' and date > date'2026-02-17' and seed in (2, 9) and status = 'FILLED' and quantity > 100")
        recorded = spark.read.parquet(str(lake)).where(
            "symbol = 'MSFT' and date = date'2026-02-18' and seed = 2 and status = 'FILLED' and quantity > 100"
        )
        assert few.count() == recorded.count() > 0
        # one unit of 16: MSFT is in part 2 of 4
        assert shares() == ["--shard=2/4"]
        for nothing in ("symbol = 'NOPE'", "seed = 3", "date < date'2026-01-01'"):
            assert days().where(nothing).count() == 0
        either = days().where("(symbol = 'MSFT' or seed = 3) and date = date'2026-02-18'")
        assert either.count() == sum(
            key["messages"] for key in manifest(lake)["keys"] if key["symbol"] == "MSFT" and key["date"] == "2026-02-18"
        )
        # a condition on either column is not passed on, so only the date decided: 8 units
        assert len(shares()) == 1 + 8
    finally:
        spark.conf.set("spark.sql.python.filterPushdown.enabled", "false")


def test_schema_chooses_columns_and_has_the_types_of_the_table(spark, program, lake):
    few = table(spark, program, dates="2026-02-18", seeds=1).schema("price decimal(12,4), seed bigint, symbol string").load()
    assert few.columns == ["price", "seed", "symbol"]
    day = [key for key in manifest(lake)["keys"] if (key["date"], key["seed"]) == ("2026-02-18", 1)]
    assert {row["symbol"]: row["count"] for row in few.groupBy("symbol").count().collect()} == {key["symbol"]: key["messages"] for key in day}
    with pytest.raises(PySparkException, match="no column 'cost'"):
        table(spark, program).schema("cost int").load().count()
    with pytest.raises(PySparkException, match="type decimal.12,4., not double"):
        table(spark, program).schema("price double").load().count()


def test_table_has_the_columns_of_an_archive(spark, program, lake):
    archive = pyarrow.parquet.read_schema(next(lake.glob("date=*/seed=*/*.parquet")))
    assert table(spark, program).load().columns == [*archive.names, "date", "seed"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"seeds": ""}, "option `seeds` is missing"),
        ({"shard": "0/2"}, "invalid option 'shard'"),
        ({"bad name": "1"}, "invalid option 'bad name'"),
        ({"threads": "0"}, "invalid option threads='0'"),
        ({"rate": "0"}, "exit code 2"),
        ({"dates": "2026-02-14"}, "2026-02-14 is a Saturday"),
        ({"parts": "51"}, "exit code 2"),
        ({"no_such_option": "true"}, "exit code 2"),
        ({"binary": "/no/such/program"}, "No such file"),
        ({"path": "/lake"}, "spark.read.parquet"),
        ({"push_filters": "yes"}, "expected true or false"),
    ],
)
def test_options_that_are_not_valid_are_named(spark, program, options, text):
    with pytest.raises(PySparkException, match=text):
        table(spark, program, **options).load().count()
