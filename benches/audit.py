#!/usr/bin/env python3
"""What an audit costs: processor time of `verify-topic` for each message, on embedded brokers.

    benches/audit.py [PROGRAM] [--rate 3] [--runs 3] [--json]

Records a day of about 100,000 messages for each order per second of --rate, publishes it, and audits it as an archive and as a dataset. The time is
that of the audit's process: the brokers are another one, so their work is not in it, and neither is waiting for them. The best of several
runs is stated. `cargo bench --bench produce -- audit` has the elapsed time, with the brokers in the same process. The embedded brokers keep
5 MiB of a partition, so rates above 3 do not fit.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True

from stand_ins import checked, stand_ins  # noqa: E402

AIM_PER_SECOND = 300_000


def audited(program, folder, *arguments):
    """Runs an audit. Returns (processor seconds, its report)."""
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([program, "verify-topic", *map(str, arguments), "--no-env", "--json"], stdout=out, stderr=subprocess.DEVNULL,
                                   stdin=subprocess.DEVNULL, cwd=folder)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        if process.returncode != 0:
            sys.exit(f"audit: exit code {process.returncode}: {out.read().decode(errors='replace')[-2000:]}")
        return used.ru_utime + used.ru_stime, json.load(out)


def measure(options, folder):
    program = str(Path(options.program).resolve())
    lake = folder / "lake"
    checked(program, folder, "dataset", "record", lake, "--dates", "2026-02-18", "--seeds", "3", "--parts", "4", "--rate", options.rate)
    checked(program, folder, "dataset", "seal", lake)
    archive = folder / "day.parquet"
    checked(program, folder, "record", "--date", "2026-02-18", "--seed", "3", "--rate", options.rate, "-o", archive)
    found = {}
    for name, source in (("archive", ["--archive", archive]), ("dataset", ["--dataset", lake])):
        # new brokers, so that no topic has records of the other
        with stand_ins(program, folder) as peers:
            checked(program, folder, "publish", source[1], "--run", "bench", *peers)
            runs = [audited(program, folder, *source, "--run", "bench", *peers) for _ in range(options.runs)]
        seconds = min(seconds for seconds, _ in runs)
        messages = runs[0][1]["present"]
        found[name] = {"messages": messages, "seconds": seconds, "per_second": round(messages / seconds)}
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", default="target/release/tradesim")
    parser.add_argument("--rate", type=int, default=3)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tradesim-audit-") as folder:
        result = measure(options, Path(folder))
    if options.json:
        print(json.dumps(result))
        return
    for name, found in result.items():
        print(f"{name}: {found['messages']:,} messages, {found['seconds']:.2f} s of one core, {found['per_second']:,} a second (aim {AIM_PER_SECOND:,})")


main()
