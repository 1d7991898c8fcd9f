"""A Spark cluster of real processes: a master, two workers, and an executor process for each, with one core."""

import os
import sys

import pytest

# before Spark is imported: executors use the packages of this environment, and nothing but loopback
os.environ["PYSPARK_PYTHON"] = sys.executable
os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"


@pytest.fixture(scope="session")
def program():
    return os.environ["TRADESIM_BINARY"]


@pytest.fixture(scope="session")
def spark():
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local-cluster[2,1,1024]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "2")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


@pytest.fixture
def counted(tmp_path, program):
    """A program that writes its arguments into a file before it runs `tradesim`: (path, function that returns the recorded shares)."""
    log = tmp_path / "calls"
    script = tmp_path / "tradesim"
    script.write_text(f'#!/bin/sh\necho "$*" >>{log}\nexec {program} "$@"\n')
    script.chmod(0o755)

    def shares():
        calls = [line.split() for line in log.read_text().splitlines()]
        found = [word for call in calls if call[:2] == ["dataset", "record"] for word in call if word.startswith("--shard=")]
        # the plan of the driver has no units
        return [share for share in found if not share.endswith("/1000000")]

    return str(script), shares
