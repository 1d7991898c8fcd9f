"""Clients as processes, each of which prints what it received."""

import json
import os
import subprocess
import time

from served import Failure, expect

TIMEOUT_S = 120


def start(what, command, expected):
    """Starts a client, which must print what is `expected`."""
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    return what, process, expected, time.monotonic() + TIMEOUT_S


def finish(client):
    """Waits for its end, and compares."""
    what, process, expected, deadline = client
    try:
        # one that has ended is read after the time of another is over, too
        out, errors = process.communicate(timeout=max(1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        out, errors = process.communicate()
        raise Failure(f"{what}: not within {TIMEOUT_S} s: {errors[-500:]}") from None
    if process.returncode != 0:
        raise Failure(f"{what}: exit code {process.returncode}: {errors[-500:]}")
    expect(what, json.loads(out.splitlines()[-1]), expected)
    return ", ".join(f"{kind} {sums[0]:,}" for kind, sums in expected.items())
