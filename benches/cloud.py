#!/usr/bin/env python3
"""How late a load becomes when its recording is on object storage, compared with the same recording as a file.

    target/ci-cloud/bin/python benches/cloud.py [PROGRAM] [--rate 1000000] [--seconds 3] [--latency-ms 30] [--json]

PROGRAM has the feature `cloud`. The object is on moto, a server of S3 in Python, behind the proxy of `.ci/cloud`, which delays each request; that
script makes the interpreter with the packages. `load run` sends the messages to one client, as WebSocket messages over loopback. Server, client,
moto and proxy share the cores of the machine, so the file beside it is the comparison, and other work on the machine makes both late.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "cloud"))

from object_storage import make_bucket  # noqa: E402
from proxy import Proxy  # noqa: E402
from servers import environment, s3, s3_environment  # noqa: E402

PART = "date=2026-02-18/seed=42/part-000-of-001.parquet"
# messages of a default day for each order per second of --rate
MESSAGES = 100_000


def load(program, folder, file, options, env):
    """Sends the recording, and returns what the report states."""
    scenario = folder / "late.toml"
    scenario.write_text(f"""name = "late"
thresholds = ["lost == 0"]
[recording]
file = "{file}"
[load]
stages = ["{options.seconds}s:{options.rate}"]
[target]
kind = "websocket"
""")
    done = subprocess.run([program, "load", "run", scenario, "--json"], env=env, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"cloud: exit code {done.returncode}\n{done.stderr[-2000:]}")
    report = json.loads(done.stdout)
    return {"sent": report["sent"], "throughput": round(report["throughput"]), "late_ms": report["late_ms"], "digest": report["digests"]["arrived"]}


def measure(options, folder):
    program = str(Path(options.program).resolve())
    rate = -(-options.rate * options.seconds // MESSAGES)
    dataset = ["--dates", "2026-02-18", "--seeds", "42", "--parts", "1", "--rate", str(rate), "--no-env"]
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(s3(folder))
        make_bucket(port)
        subprocess.run([program, "dataset", "record", "s3://tape/day", *dataset], env=s3_environment(port), check=True, capture_output=True)
        subprocess.run([program, "dataset", "record", folder / "day", *dataset], env=environment(), check=True, capture_output=True)
        proxy = stack.enter_context(contextlib.closing(Proxy(port)))
        proxy.latency_s = options.latency_ms / 1000
        file = load(program, folder, folder / "day" / PART, options, environment())
        stored = load(program, folder, f"s3://tape/day/{PART}", options, s3_environment(proxy.port))
    if file["digest"] != stored["digest"]:
        sys.exit("cloud: the messages differ")
    return {"file": file, "object": stored, "requests": proxy.requests}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", default="target/release/tradesim")
    parser.add_argument("--rate", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--latency-ms", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ["NO_PROXY"] = "*"
    with tempfile.TemporaryDirectory(prefix="tradesim-cloud-") as folder:
        result = measure(options, Path(folder))
    if options.json:
        print(json.dumps(result))
        return
    print(f"{result['file']['sent']:,} messages at {options.rate:,} a second; {options.latency_ms} ms to the object, {result['requests']} requests")
    for name in ("file", "object"):
        late = result[name]["late_ms"]
        print(f"{name:<8}{result[name]['throughput']:>12,} a second   late: p50 {late['p50']:.1f} ms, p99 {late['p99']:.1f} ms, max {late['max']:.1f} ms")


main()
