"""examples/spark: a streaming query is killed in the middle of a batch, starts again, and its candles are right."""

import json
import os
import signal
import subprocess
import time

import candles
from harness import ROOT, require, say
from processes import SECONDS_MAX, finish

EXAMPLE = ROOT / "examples" / "spark" / "candles.py"
# about seven batches of the recording's 69,881 trades
RECORDS_PER_BATCH = 10_000
# the batch in which the process is killed
KILLED = 2
POLL_SECONDS = 0.02


def run(topics):
    folder = topics.folder("spark")
    (folder / "trades.sql").write_text(topics.definition("spark", "trade"), encoding="utf-8")
    python = topics.installed / "venv" / "bin" / "python"
    jars = ",".join(str(jar) for jar in sorted((topics.installed / "spark").glob("*.jar")))
    command = [python, EXAMPLE, "trades.sql", "--bootstrap-servers", topics.bench.cluster.bootstrap_servers, "--topic",
               f"{topics.prefix}raw.trades", "--checkpoint", "checkpoint", "--output", "candles", "--records-per-batch", RECORDS_PER_BATCH]
    submit = f"--master local[2] --jars {jars} --driver-memory 1g --conf spark.ui.enabled=false " \
             "--conf spark.sql.shuffle.partitions=2 pyspark-shell"
    environment = {"PYSPARK_SUBMIT_ARGS": submit, "PYSPARK_PYTHON": str(python), "SPARK_LOCAL_IP": "127.0.0.1"}

    _killed_in_a_batch(command, folder, environment)
    committed = _batches(folder, "commits")
    kept = {batch: (folder / "candles" / f"batch={batch}").stat().st_mtime_ns for batch in committed}
    require(committed and max(committed) < KILLED, f"batches {committed} were committed before the kill in batch {KILLED}")
    finish("spark", command, folder, environment)

    total = _batches(folder, "commits")
    require(len(total) > KILLED + 2, f"only {len(total)} batches: the kill was not half way")
    for batch, changed in kept.items():
        require((folder / "candles" / f"batch={batch}").stat().st_mtime_ns == changed, f"batch {batch} was committed, and written again")
    duck = candles.connection()
    rows = duck.execute("""
        select symbol, start, open, high, low, close, volume, vwap from read_parquet(?, hive_partitioning = true)
        qualify row_number() over (partition by symbol, start order by batch desc) = 1
    """, [f"{folder}/candles/*/*.parquet"]).fetchall()
    candles.compare("Spark", candles.by_key(rows), topics.candles)
    say(f"  killed in batch {KILLED} of {len(total)}; {len(rows):,} candles equal")
    _batch_queries(topics, python, folder, environment)


def _killed_in_a_batch(command, folder, environment):
    """Starts the query, and kills all of its processes between the start and the commit of a batch."""
    with open(folder / "killed.stderr", "wb") as errors:
        job = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, cwd=folder,
                               env={**os.environ, **environment}, start_new_session=True)
    try:
        begin = time.monotonic()
        while KILLED not in _batches(folder, "offsets"):
            require(job.poll() is None, f"Spark ended before it was killed:\n{(folder / 'killed.stderr').read_text(errors='replace')[-4000:]}")
            require(time.monotonic() - begin < SECONDS_MAX, f"no batch {KILLED} after {SECONDS_MAX} s")
            time.sleep(POLL_SECONDS)
    finally:
        # driver and JVM
        os.killpg(job.pid, signal.SIGKILL)
        job.wait()


def _batches(folder, log):
    """The numbers of the batches in a log of the checkpoint."""
    files = (folder / "checkpoint" / log).glob("*")
    return sorted(int(file.name) for file in files if file.name.isdecimal())


def _batch_queries(topics, python, folder, environment):
    """The definitions as they are, with a query of each topic. The numbers of a stream are dense, those of a cut are not."""
    expected = {}
    for event_type, view in (("trade", "trades"), ("orderbook", "orderbook"), ("marketdata", "marketdata")):
        (folder / f"{view}.sql").write_text(topics.definition("spark", event_type), encoding="utf-8")
        duck = candles.connection()
        expected[view] = list(duck.execute("""
            select count(*), sum(number)::bigint, sum(epoch_us(coalesce(payload_ts, ts)))::varchar,
              sum(coalesce(price, bid_price, vwap))::varchar
            from (select *, row_number() over (order by seq) - 1 as number from read_parquet(?)) where event_type = ?
        """, [str(topics.recording), event_type]).fetchone())
    script = ROOT / "tests" / "engines" / "in_spark.py"
    said = json.loads(finish("queries", [python, script], folder, environment))
    require(said == expected, f"Spark: {said}, expected {expected}")
    say("  the definitions of three topics, as they are printed, in a batch query")
