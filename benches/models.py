#!/usr/bin/env python3
"""The cost of the market models, side by side: days of each recorded in turn, with digest and archive.

    benches/models.py [PROGRAM] [--rates 10,100] [--rounds 5] [--date 2026-02-18] [--seed 42] [--json]

Seconds are processor seconds (user and system) of the whole process with one thread, as the operating system counts them; the lowest of the
rounds is shown, because other work on the machine only adds to it. Compare the models of one run, not those of two. The simulation alone is
measured by `cargo bench --bench sim`. Exit code 3 if a day of `stylized/1` takes more than twice as long as one of `gbm/1`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

MODELS = ("gbm", "stylized")
DAY_FACTOR = 2.0


class Failed(Exception):
    pass


def record(options, model, rate, file):
    """Records a day. Returns (processor seconds, peak memory in MiB, the printed report)."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            [options.program, "record", "--no-env", "--json", "--force", "--threads=1", f"--model={model}", f"--rate={rate}",
             f"--date={options.date}", f"--seed={options.seed}", f"--output={file}"],
            stdin=subprocess.DEVNULL, stdout=out, stderr=err,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode != 0:
            raise Failed(f"{model} at rate {rate}: exit code {process.returncode}\n{err.read().decode(errors='replace')}")
        return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, json.load(out)


def measure(options, rate, folder):
    """Records a day of each model in turn, several times. Returns the figures by model."""
    runs = {model: [] for model in MODELS}
    for _ in range(options.rounds):
        for model in MODELS:
            runs[model].append(record(options, model, rate, folder / "day.parquet"))
    figures = {}
    for model, made in runs.items():
        report = made[0][2]
        if any(other[2]["digest"] != report["digest"] for other in made):
            raise Failed(f"{model} at rate {rate}: two recordings differ")
        events, seconds = report["events"]["total"], min(one[0] for one in made)
        figures[model] = {
            "events": events,
            "seconds": seconds,
            "events_per_second": events / seconds,
            "bytes_per_event": report["bytes"] / events,
            "mib": max(one[1] for one in made),
        }
    gbm, stylized = (figures[model] for model in MODELS)
    figures["stylized_over_gbm"] = {
        "day": stylized["seconds"] / gbm["seconds"],
        "event": gbm["events_per_second"] / stylized["events_per_second"],
    }
    return figures


def show(rate, figures):
    for model in MODELS:
        one = figures[model]
        print(f"rate {rate:<6} {model:9} {one['events']:>11,} events  {one['seconds']:7.2f} s  {one['events_per_second'] / 1e6:5.2f} M/s  "
              f"{one['bytes_per_event']:5.2f} bytes/event  {one['mib']:4.0f} MiB")
    ratio = figures["stylized_over_gbm"]
    print(f"rate {rate:<6} stylized over gbm: a day {ratio['day']:.2f}, an event {ratio['event']:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", default="target/release/tradesim")
    parser.add_argument("--rates", default="10,100")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--date", default="2026-02-18")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results, slow = {}, []
    try:
        for rate in map(int, options.rates.split(",")):
            with tempfile.TemporaryDirectory(prefix="tradesim-models-") as folder:
                figures = results[str(rate)] = measure(options, rate, Path(folder))
            if not options.json:
                show(rate, figures)
            if figures["stylized_over_gbm"]["day"] > DAY_FACTOR:
                slow.append(f"a day of stylized at rate {rate} takes more than {DAY_FACTOR:g} times one of gbm")
    except (Failed, OSError) as error:
        sys.exit(f"models: {error}")
    if options.json:
        print(json.dumps(results | {"exceeded": slow}))
    for text in slow:
        print(f"exceeded: {text}", file=sys.stderr)
    sys.exit(3 if slow else 0)


main()
