#!/usr/bin/env python3
"""Engines that are not ours read our topics, and an archive, by the definitions of `tradesim schemas ddl`, unchanged.

Each has to find the candles of one minute that DuckDB computes from the archive and that the archive contains. `.ci/engines`
installs what they need. Ends with exit code 1 at the first thing that does not hold.
"""

import argparse
import os
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "kafka"))

import archive  # noqa: E402
import candles  # noqa: E402
import clickhouse  # noqa: E402
import flink  # noqa: E402
import harness  # noqa: E402
import java  # noqa: E402
import spark  # noqa: E402

# an hour with a burst: 87,538 messages, 2,879 candles of one minute
RECORDING = harness.ROOT / "fixtures" / "opening-hour.parquet"
ENGINES = {
    "duckdb": (archive.run, "DuckDB on an archive"),
    "clickhouse": (clickhouse.run, "ClickHouse's engine for Kafka, in chdb"),
    "java": (java.run, "examples/java: a consumer with generated classes"),
    "spark": (spark.run, "examples/spark: Structured Streaming, killed half way"),
    "flink": (flink.run, "examples/flink: Flink SQL, and what it reads without our definitions"),
}
WITHOUT_CLUSTER = {"duckdb"}


class Topics:
    """The recording in topics, published once for all engines."""

    def __init__(self, bench, installed):
        self.bench = bench
        self.installed = installed
        self.recording = RECORDING
        self.candles = candles.expected(RECORDING)
        self._prefix = None

    @property
    def prefix(self):
        if self._prefix is None:
            prefix = self.bench.prepare("engines")
            begin = time.monotonic()
            self.bench.run("publish", RECORDING, "--topic-prefix", prefix, "--run", "engines", "--no-env",
                           "--bootstrap-servers", self.bench.cluster.bootstrap_servers,
                           "--schema-registry-url", self.bench.cluster.registry_url)
            harness.say(f"  published in {time.monotonic() - begin:.0f} s")
            self._prefix = prefix
        return self._prefix

    def folder(self, name):
        folder = self.bench.folder / name
        folder.mkdir()
        return folder

    def definition(self, engine, event_type):
        """What a user gets, with the addresses of this cluster as settings."""
        return self.bench.run("schemas", "ddl", "--engine", engine, event_type, "--topic-prefix", self.prefix)


def main():
    names = "\n".join(f"  {name:<12}{text}" for name, (_, text) in ENGINES.items())
    parser = argparse.ArgumentParser(prog="engines", description=__doc__, epilog=f"engines:\n{names}",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engines", nargs="*", metavar="NAME", help="which; all of them if none is named")
    parser.add_argument("--tradesim", default=harness.ROOT / "target" / "release" / "tradesim", metavar="PATH")
    parser.add_argument("--installed", type=Path, default=harness.ROOT / "target" / "engines", metavar="FOLDER",
                        help="where `.ci/engines` puts engines and their packages")
    parser.add_argument("--offset", type=int, default=os.environ.get("TRADESIM_CLUSTER_OFFSET", 0), metavar="N",
                        help="of the cluster's ports")
    options = parser.parse_args()
    unknown = [name for name in options.engines if name not in ENGINES]
    if unknown:
        parser.error(f"no engine {unknown[0]!r}; there are {', '.join(ENGINES)}")
    chosen = options.engines or list(ENGINES)
    try:
        cluster = harness.Cluster(options.offset)
        if set(chosen) - WITHOUT_CLUSTER:
            cluster.do("status")
        with harness.Bench(options.tradesim, cluster, 1, 0) as bench:
            topics = Topics(bench, options.installed)
            for name in chosen:
                run, text = ENGINES[name]
                harness.say(f"{name}: {text}")
                begin = time.monotonic()
                run(topics)
                harness.say(f"  passed in {time.monotonic() - begin:.0f} s")
    except harness.Failure as failure:
        harness.fail(failure)


main()
