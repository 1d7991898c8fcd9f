#!/usr/bin/env python3
"""How late the messages of a replay are when the recording is on object storage, compared with the same recording as a file.

    target/ci-cloud/bin/python benches/cloud.py [PROGRAM] [--rate 1000000] [--latency-ms 30] [--runs 3] [--json]

PROGRAM has the feature `cloud`. The object is on moto, a server of S3 in Python, behind the proxy of `.ci/cloud`, which delays each request; that
script makes the interpreter with the packages. `replay` sends the trading hours of a day of four million messages to one client (`tail`), at a speed
that makes --rate messages a second on average. Server, client, moto and proxy share the cores of the machine, so the file beside it is the
comparison, and other work on the machine makes both late. The best of several runs is stated.
"""

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "cloud"))

from object_storage import make_bucket  # noqa: E402
from proxy import Proxy  # noqa: E402
from servers import environment, s3, s3_environment  # noqa: E402

PART = "date=2026-02-18/seed=42/part-000-of-001.parquet"
DATASET = ["--dates", "2026-02-18", "--seeds", "42", "--parts", "1", "--rate", "40", "--no-env"]
WINDOW = ["--from", "10:00", "--to", "15:30"]
WINDOW_SECONDS = 5.5 * 3600


def replayed(program, file, speed, env):
    """Replays to one client. Returns the report of the server, and the digest that the client computed."""
    server = subprocess.Popen([program, "replay", file, *WINDOW, "--speed", speed, "--port", "0", "--no-env", "--json"], env=env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said = []
    for line in server.stderr:
        said.append(line)
        if found := re.search(r"ws://127\.0\.0\.1:\d+", line):
            break
    else:
        sys.exit(f"cloud: {''.join(said)[-2000:]}")
    threading.Thread(target=server.stderr.read, daemon=True).start()
    client = subprocess.run([program, "tail", found[0], "--digest", "--json", "--no-env"], capture_output=True, text=True)
    report = json.loads(server.stdout.read())
    if client.returncode != 0 or server.wait() != 0:
        sys.exit(f"cloud: exit codes {client.returncode} and {server.returncode}: {client.stderr[-2000:]}")
    return report, json.loads(client.stdout)["digest"]


def measure(options, folder):
    program = str(Path(options.program).resolve())
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(s3(folder))
        make_bucket(port)
        for root, env in (("s3://tape/day", s3_environment(port)), (folder / "day", environment())):
            subprocess.run([program, "dataset", "record", root, *DATASET], env=env, check=True, capture_output=True)
        proxy = stack.enter_context(contextlib.closing(Proxy(port)))
        proxy.latency_s = options.latency_ms / 1000
        sources = {"file": (folder / "day" / PART, environment()), "object": (f"s3://tape/day/{PART}", s3_environment(proxy.port))}
        messages = replayed(program, *sources["file"][:1], "max", environment())[0]["sent"]
        speed = f"{round(options.rate * WINDOW_SECONDS / messages)}x"
        found = {"messages": messages, "speed": speed}
        digests = set()
        for name, (file, env) in sources.items():
            runs = []
            for _ in range(options.runs):
                report, digest = replayed(program, file, speed, env)
                digests.add(digest)
                runs.append({"seconds": report["seconds"], "late_ms": report["late_ms"]})
            found[name] = min(runs, key=lambda run: run["late_ms"]["p99"])
        found["requests"] = proxy.requests
    if len(digests) != 1:
        sys.exit(f"cloud: the digests differ: {digests}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", default="target/release/tradesim")
    parser.add_argument("--rate", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--latency-ms", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ["NO_PROXY"] = "*"
    with tempfile.TemporaryDirectory(prefix="tradesim-cloud-") as folder:
        result = measure(options, Path(folder))
    if options.json:
        print(json.dumps(result))
        return
    print(f"{result['messages']:,} messages at {result['speed']}, {options.rate:,} a second; {options.latency_ms} ms to the object, "
          f"{result['requests']} requests")
    for name in ("file", "object"):
        late = result[name]["late_ms"]
        print(f"{name:<8}{result[name]['seconds']:6.2f} s  late: p50 {late['p50']:.1f} ms, p99 {late['p99']:.1f} ms, max {late['max']:.1f} ms")


main()
