"""A dataset is published by four processes that are killed at random, and one that freezes while its replacement takes over.

Then its digest is computed from the topics alone, by workers that read some partitions each. Each process is started again with the
same command, as a scheduler would do it.
"""

import json
import random
import time

from harness import RESUME_SECONDS_MAX, Failure, Job, require, say, wait_until

SHARDS = 4
WORKERS = 3
# a day from 04:00 takes 48 s: long enough for kills, and the later half of them falls into the busy hours
SPEED = "1200x"
RATE = 4
START_SECONDS = 3
ALIVE_SECONDS_MAX = 4
FROZEN_SECONDS = 8
FINISH_SECONDS_MAX = 240
COUNTS = ("lost", "duplicated", "reordered", "altered", "foreign")


class Shard(Job):
    """One of the processes that publish the dataset."""

    def __init__(self, bench, prefix, run, index, start_at):
        super().__init__(bench, f"shard-{index}", [
            "publish", "lake", "--shard", f"{index}/{SHARDS}", "--run", run, "--start-at", start_at, "--speed", SPEED,
            "--topic-prefix", prefix, "--json"])
        self.index = index


def run(bench):
    digest, messages = _lake(bench)
    prefix = bench.prepare("shards")
    moments = random.Random(bench.seed)
    killed, runs, begin = 0, 0, time.monotonic()
    while killed < bench.kills:
        runs += 1
        name = f"shards-{runs}"
        start_at = _after(START_SECONDS)
        shards = [Shard(bench, prefix, name, index, start_at) for index in range(SHARDS)]
        while killed < bench.kills and any(shard.alive() for shard in shards):
            time.sleep(moments.uniform(0, ALIVE_SECONDS_MAX))
            victims = [shard for shard in shards if shard.alive()]
            if not victims:
                break
            victim = moments.choice(victims)
            victim.kill()
            killed += 1
            shards[victim.index] = Shard(bench, prefix, name, victim.index, start_at)
        for shard in shards:
            report = shard.finish(FINISH_SECONDS_MAX)
            require(report["ok"], f"shard {shard.index}: {report}")
        _prove(bench, prefix, name, digest, messages)
    say(f"  {killed} kills of {SHARDS} shards in {runs} run(s), {time.monotonic() - begin:.0f} s")
    _frozen(bench, prefix, moments, digest, messages)


def _lake(bench):
    bench.run("dataset", "record", "lake", "--dates", "2026-02-18", "--seeds", 42, "--parts", 2 * SHARDS, "--rate", RATE, "--no-env")
    report = bench.report("dataset", "seal", "lake")
    say(f"  {report['units']} parts, {report['messages']} messages, {report['dataset_digest']}")
    return report["dataset_digest"], report["messages"]


def _frozen(bench, prefix, moments, digest, messages):
    """A shard is frozen, its replacement fences it, and it wakes up while that is at work."""
    name, start_at = "shards-frozen", _after(START_SECONDS)
    shards = [Shard(bench, prefix, name, index, start_at) for index in range(SHARDS)]
    time.sleep(START_SECONDS + moments.uniform(6, 12))
    first = moments.choice([shard for shard in shards if shard.alive()])
    first.freeze()
    second = Shard(bench, prefix, name, first.index, start_at)
    shards[first.index] = second
    # it reads its positions when it has fenced the producers of the frozen one
    taken_over = wait_until(lambda: _says(second, "position read"), RESUME_SECONDS_MAX, "the second process reads its positions")
    time.sleep(FROZEN_SECONDS)
    first.thaw()
    code = first.child.wait(FINISH_SECONDS_MAX)
    require(code != 0 or not second.alive(), "the frozen process ended with 0 while its replacement was at work")
    for shard in shards:
        report = shard.finish(FINISH_SECONDS_MAX)
        require(report["ok"], f"shard {shard.index}: {report}")
    _prove(bench, prefix, name, digest, messages)
    say(f"  shard {first.index} was frozen; its replacement began {taken_over:.1f} s later, and the first one, thawed, ended with {code}")


def _says(shard, text):
    if not shard.alive() and shard.child.returncode != 0:
        raise Failure(f"shard {shard.index} ended with {shard.child.returncode}\n{shard.last_lines()}")
    return text in shard.errors.read_text(encoding="utf-8", errors="replace")


def _prove(bench, prefix, name, digest, messages):
    """Workers read each record once in all, and their symbols unite to the dataset."""
    begin, records, files = time.monotonic(), 0, []
    for index in range(WORKERS):
        file = f"{name}.{index}.keys"
        report = bench.report("verify-topic", "--dataset", "lake", "--run", name, "--topic-prefix", prefix,
                              "--shard", f"{index}/{WORKERS}", "-o", file)
        require(all(report[kind] == 0 for kind in COUNTS), f"verify-topic {index}/{WORKERS}: {report}")
        records += report["records"] - report["other_runs"]
        files.append(file)
    require(records == messages, f"the workers read {records} records of the run, and the dataset has {messages} messages")
    union = json.loads(bench.run("verify-topic", "--dataset", "lake", "--run", name, "--combine", *files, "--json"))
    require(union["ok"] and union["digest"] == digest, f"digest of the topics {union['digest']}, of the dataset {digest}: {union}")
    say(f"  verified by {WORKERS} workers in {time.monotonic() - begin:.1f} s: nothing lost, duplicated, reordered, altered or foreign; {digest}")


def _after(seconds):
    at = time.time() + seconds
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at))}.{int(at % 1 * 1e6):06}Z"
