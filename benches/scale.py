#!/usr/bin/env python3
"""The cost of a day in parts, measured: processor time of each worker against its share, peak memory, and merge and digest against one pass.

    benches/scale.py [PROGRAM] [--rate 100] [--workers 16] [--date 2026-02-18] [--seed 42] [--json]

All figures are processor seconds (user and system) of whole processes with one thread, as the operating system counts them, so other work on
the machine disturbs them little. Only figures of one run are comparable. Exit code 3 if a limit is exceeded:

    worker i of N      1.25 times its share of the messages, of the time of one process for all, and 0.2 s
    memory             a worker at this rate needs at most 1.5 times what one needs at a quarter of the rate
    digest, merge      2 times one pass over the whole day: `verify` for the digest, `filter` that keeps everything for merge
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SHARE_FACTOR, SHARE_SECONDS = 1.25, 0.2
MEMORY_FACTOR = 1.5
PASS_FACTOR = 2.0


class Failed(Exception):
    pass


def run(program, *arguments):
    """Runs the program. Returns (processor seconds, peak memory in MiB, standard output)."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen([program, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode != 0:
            raise Failed(f"exit code {process.returncode}: {' '.join(map(str, arguments))}\n{err.read().decode(errors='replace')}")
        return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, out.read().decode()


def workers(options, root, rate, parts):
    """Records a day in parts, a process for each. Returns (seconds, MiB, messages) of each."""
    made = []
    for worker in range(parts):
        seconds, memory, printed = run(
            options.program, "dataset", "record", root, "--no-env", "--json", "--threads=1", f"--dates={options.date}",
            f"--seeds={options.seed}", f"--parts={parts}", f"--rate={rate}", f"--shard={worker}/{parts}",
        )
        made.append((seconds, memory, json.loads(printed.splitlines()[-1])["messages"]))
    return made


def measure(options, folder):
    count = options.workers
    ((whole, whole_memory, messages),) = workers(options, folder / "whole", options.rate, 1)
    parts = workers(options, folder / "parts", options.rate, count)
    if sum(made for _, _, made in parts) != messages:
        raise Failed("the parts have other messages than the whole")
    run(options.program, "dataset", "seal", folder / "parts", "--no-env")
    shares = [
        {"worker": worker, "messages": made, "seconds": seconds, "share": whole * made / messages, "mib": memory}
        for worker, (seconds, memory, made) in enumerate(parts)
    ]
    quarter = workers(options, folder / "quarter", max(1, options.rate // 4), count)

    day = folder / "whole" / f"date={options.date}" / f"seed={options.seed}" / "part-000-of-001.parquet"
    files = sorted((folder / "parts" / f"date={options.date}" / f"seed={options.seed}").glob("*.parquet"))
    verify, verify_memory, _ = run(options.program, "verify", day, "--no-env")
    keep, _, _ = run(options.program, "filter", day, "-o", folder / "kept.parquet", "--no-env")
    digest, digest_memory, printed = run(
        options.program, "dataset", "digest", folder / "parts", "--no-env", "--date", options.date, "--seed", options.seed
    )
    merge, merge_memory, _ = run(options.program, "merge", *files, "-o", folder / "merged.parquet", "--no-env")
    merged = json.loads(run(options.program, "info", "--json", folder / "merged.parquet", "--no-env")[2])
    # what is timed gives the right result
    if merged["digest"] not in printed or merged["events"]["total"] != messages:
        raise Failed("digest and merge differ")
    return {
        "messages": messages,
        "whole": {"seconds": whole, "mib": whole_memory},
        "workers": shares,
        "quarter_mib": max(memory for _, memory, _ in quarter),
        "verify": {"seconds": verify, "mib": verify_memory},
        "filter": {"seconds": keep},
        "digest": {"seconds": digest, "mib": digest_memory},
        "merge": {"seconds": merge, "mib": merge_memory},
    }


def excesses(result):
    found = []
    for worker in result["workers"]:
        limit = SHARE_FACTOR * worker["share"] + SHARE_SECONDS
        if worker["seconds"] > limit:
            found.append(f"worker {worker['worker']} took {worker['seconds']:.2f} s, limit {limit:.2f} s")
    highest = max(worker["mib"] for worker in result["workers"])
    if highest > MEMORY_FACTOR * result["quarter_mib"]:
        found.append(f"a worker needed {highest:.0f} MiB, and {result['quarter_mib']:.0f} MiB at a quarter of the rate")
    for name, one in (("digest", "verify"), ("merge", "filter")):
        if result[name]["seconds"] > PASS_FACTOR * result[one]["seconds"]:
            found.append(f"{name} took {result[name]['seconds']:.2f} s, {one} of the whole day {result[one]['seconds']:.2f} s")
    return found


def show(result):
    messages = result["messages"]
    print(f"{messages:,} messages; processor seconds of one thread, peak memory")
    print(f"one process        {result['whole']['seconds']:6.2f} s  {1e6 * result['whole']['seconds'] / messages:5.2f} us a message  "
          f"{result['whole']['mib']:4.0f} MiB")
    for worker in result["workers"]:
        print(f"worker {worker['worker']:2} of {len(result['workers']):2}    {worker['seconds']:6.2f} s  share {worker['share']:6.2f} s  "
              f"{worker['mib']:4.0f} MiB")
    total = sum(worker["seconds"] for worker in result["workers"])
    print(f"all workers        {total:6.2f} s  {total / result['whole']['seconds']:.2f} times one process")
    print(f"memory             {max(worker['mib'] for worker in result['workers']):.0f} MiB at most, "
          f"{result['quarter_mib']:.0f} MiB at a quarter of the rate")
    for name, one in (("digest", "verify"), ("merge", "filter")):
        print(f"{name} of the parts {result[name]['seconds']:6.2f} s  {result[name]['mib']:4.0f} MiB; `{one}` of the whole day "
              f"{result[one]['seconds']:.2f} s: {result[name]['seconds'] / result[one]['seconds']:.2f} times")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", default="target/release/tradesim")
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--workers", type=int, default=16)
    parser.add_argument("--date", default="2026-02-18")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="tradesim-scale-") as folder:
            result = measure(options, Path(folder))
    except (Failed, OSError) as error:
        sys.exit(f"scale: {error}")
    found = excesses(result)
    if options.json:
        print(json.dumps(result | {"exceeded": found}))
    else:
        show(result)
    for text in found:
        print(f"exceeded: {text}", file=sys.stderr)
    sys.exit(3 if found else 0)


main()
