"""All brokers are away for a minute at 5,000 messages a second: nothing is lost, memory stays flat, what piled up is drained."""

import time

from harness import RESUME_SECONDS_MAX, Bridge, Replay, Watch, megabytes, require, say, wait_until

DOWN_SECONDS = 60
# by then every queue of the bridge is full: from here on nothing may be added
FILLED_SECONDS = 15
GROWTH_BYTES_MAX = 16 << 20
ANONYMOUS_BYTES_MAX = 200_000_000
FINISH_SECONDS_MAX = 300


def run(bench):
    archive, prefix = bench.day(), bench.prepare("outage")
    replay = Replay(bench, archive, "outage")
    with Watch(Bridge(bench, replay.url, prefix)) as watch:
        bridge = watch.bridge
        wait_until(lambda: watch.resumed(0), RESUME_SECONDS_MAX, "messages are produced")
        time.sleep(5)
        _require_healthy(bridge, "before")
        bench.cluster.do("kill", "1", "2", "3")
        down = time.monotonic()
        time.sleep(FILLED_SECONDS)
        code, reason = bridge.get("/healthz")
        require(code == 503, f"/healthz while no broker is there: {code} {reason}")
        say(f"  no broker: /healthz says {code} {reason.strip()[:200]}")
        time.sleep(max(0.0, down + DOWN_SECONDS - time.monotonic()))
        up = time.monotonic()
        bench.cluster.do("start", "1", "2", "3")
        serving = time.monotonic()
        resumed = wait_until(lambda: watch.resumed(serving), RESUME_SECONDS_MAX, "messages are produced again")
        _require_healthy(bridge, "after")
        report = bridge.finish(FINISH_SECONDS_MAX)
        drained = time.monotonic() - serving
    replay.kill()

    filled = watch.memory_between(down + FILLED_SECONDS, down + FILLED_SECONDS + 5)
    rest = watch.memory_between(down + FILLED_SECONDS, up)
    growth = max(rest) - max(filled)
    require(growth < GROWTH_BYTES_MAX, f"memory grew by {megabytes(growth)} while no broker was there")
    highest = max(size for _, size in watch.memory)
    require(highest < ANONYMOUS_BYTES_MAX, f"{megabytes(highest)} of anonymous memory")
    messages = bench.report("info", archive)["events"]["total"]
    require(report["next_seq"] == messages, f"the bridge ended at {report['next_seq']} of {messages}")
    bench.prove(archive, prefix, "outage")
    say(f"  brokers away for {serving - down:.0f} s; producing again {resumed:.1f} s after they served,"
        f" all drained after {drained:.0f} s;"
        f" memory during the outage {megabytes(min(rest))} to {megabytes(max(rest))}, highest ever {megabytes(highest)}")


def _require_healthy(bridge, when):
    code, text = bridge.get("/healthz")
    require(code == 200, f"/healthz {when} the outage: {code} {text}")
