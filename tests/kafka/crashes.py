"""Each part of the way is killed or frozen at random moments, and the topics still hold exactly the recording.

The default day from 09:30 at 100x is about 5,000 messages a second. What is measured is the longest time in which no message was
acknowledged; the service level is 60 s.
"""

import random
import statistics
import subprocess
import time

from harness import RESUME_SECONDS_MAX, Bridge, Replay, Watch, require, say, wait_until

# of kills; the others may hit a bridge that has delivered nothing yet
SHARE_WHILE_DELIVERING = 0.75
AFTER_DELIVERING_SECONDS_MAX = 2.5
AFTER_START_SECONDS_MAX = 1.5
REPLAY_KILLS = 5
BROKERS_KILLED = 2
BROKER_DOWN_SECONDS = 8
FROZEN_SECONDS = 8
FINISH_SECONDS_MAX = 240


def bridge_kills(bench):
    """kill -9 of the bridge. A run that is delivered before all kills are done is followed by another."""
    archive, prefix = bench.day(), bench.prepare("bridge-kills")
    moments = random.Random(bench.seed)
    killed, runs, pauses, resumes = 0, 0, [], []
    begin = time.monotonic()
    while killed < bench.kills:
        runs += 1
        run = f"bridge-kills-{runs}"
        replay = Replay(bench, archive, run)
        started, kills = time.monotonic(), []
        with Watch(Bridge(bench, replay.url, prefix)) as watch:
            while killed < bench.kills and not _ends_before_its_moment(watch, moments):
                watch.bridge.kill()
                kills.append(time.monotonic())
                killed += 1
                watch.bridge = Bridge(bench, replay.url, prefix)
            report = watch.bridge.finish(FINISH_SECONDS_MAX)
            pauses.append(watch.longest_pause(started, watch.progress[-1]))
            resumes += watch.pauses(kills)
        replay.kill()
        _all_delivered(bench, archive, report)
        bench.prove(archive, prefix, run)
    seconds = time.monotonic() - begin
    say(f"  bridge killed {killed} times in {runs} run(s), {seconds:.0f} s: delivering again {statistics.median(resumes):.1f} s after a kill"
        f" (median), {max(resumes):.1f} s at most; longest pause of all {max(pauses):.1f} s")
    _within_service_level(max(pauses))


def _ends_before_its_moment(watch, moments):
    """Waits for the random moment of the next kill."""
    started, bridge = time.monotonic(), watch.bridge
    if moments.random() < SHARE_WHILE_DELIVERING:
        wait_until(lambda: watch.resumed(started) or not bridge.alive(), RESUME_SECONDS_MAX, "messages are delivered")
        seconds = moments.uniform(0, AFTER_DELIVERING_SECONDS_MAX)
    else:
        seconds = moments.uniform(0, AFTER_START_SECONDS_MAX)
    try:
        bridge.child.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def replay_kills(bench):
    """kill -9 of the replay server, which comes back with the same --run on the same port."""
    archive, prefix = bench.day(), bench.prepare("replay-kills")
    moments = random.Random(bench.seed)
    replay = Replay(bench, archive, "replay-kills")
    started, slowest = time.monotonic(), 0
    with Watch(Bridge(bench, replay.url, prefix)) as watch:
        for _ in range(REPLAY_KILLS):
            wait_until(lambda: watch.resumed(started), RESUME_SECONDS_MAX, "messages are produced")
            time.sleep(moments.uniform(0.5, 5))
            replay.kill()
            time.sleep(moments.uniform(0, 2))
            replay = Replay(bench, archive, "replay-kills", port=replay.port)
            back = time.monotonic()
            # what was on its way may still come in the first moment
            slowest = max(slowest, wait_until(lambda: watch.resumed(back + 0.5), RESUME_SECONDS_MAX, "messages are produced again"))
        report = watch.bridge.finish(FINISH_SECONDS_MAX)
    replay.kill()
    _all_delivered(bench, archive, report)
    bench.prove(archive, prefix, "replay-kills")
    say(f"  replay server killed {REPLAY_KILLS} times: producing again at the latest {slowest:.1f} s after it was back")


def broker_kills(bench):
    """kill -9 of one broker and its restart, then of another. Where a broker takes so long to come back that the recording is
    over, the next one is killed in another run."""
    archive, prefix = bench.day(), bench.prepare("broker-kills")
    moments = random.Random(bench.seed)
    brokers, runs = moments.sample("123", BROKERS_KILLED), 0
    while brokers:
        runs += 1
        run = f"broker-kills-{runs}"
        replay = Replay(bench, archive, run)
        with Watch(Bridge(bench, replay.url, prefix)) as watch:
            wait_until(lambda: watch.resumed(0), RESUME_SECONDS_MAX, "messages are delivered")
            while brokers and watch.bridge.alive():
                time.sleep(moments.uniform(1, 4))
                _kill_and_restart(bench.cluster, brokers.pop(), watch)
            report = watch.bridge.finish(FINISH_SECONDS_MAX)
        replay.kill()
        _all_delivered(bench, archive, report)
        bench.prove(archive, prefix, run)


def _kill_and_restart(cluster, broker, watch):
    killed = time.monotonic()
    cluster.do("kill", broker)
    time.sleep(BROKER_DOWN_SECONDS)
    cluster.do("start", broker)
    # the next one may only fail when this one has caught up: two of three hold every record
    cluster.do("wait")
    back = time.monotonic()
    wait_until(lambda: watch.resumed(back) or not watch.bridge.alive(), RESUME_SECONDS_MAX, "messages are delivered again")
    pause = watch.longest_pause(killed, watch.progress[-1])
    say(f"  broker {broker} killed, restarted and in sync again after {back - killed:.1f} s: longest pause {pause:.1f} s")
    _within_service_level(pause)


def frozen(bench):
    """A second bridge takes over from a frozen one, which then wakes up and must not write."""
    archive, prefix = bench.day(), bench.prepare("frozen")
    moments = random.Random(bench.seed)
    replay = Replay(bench, archive, "frozen")
    first = Bridge(bench, replay.url, prefix)
    wait_until(lambda: first.produced() > 0, RESUME_SECONDS_MAX, "the first bridge produces")
    time.sleep(moments.uniform(1, 4))
    first.freeze()
    second = Bridge(bench, replay.url, prefix)
    taken_over = wait_until(lambda: second.produced() > 0, RESUME_SECONDS_MAX, "the second bridge produces")
    time.sleep(FROZEN_SECONDS)
    first.thaw()
    code = first.child.wait(FINISH_SECONDS_MAX)
    require(code != 0 or not second.alive(), "the first bridge ended with 0 while the second one was at work")
    report = second.finish(FINISH_SECONDS_MAX)
    replay.kill()
    _all_delivered(bench, archive, report)
    bench.prove(archive, prefix, "frozen")
    say(f"  a second bridge produced {taken_over:.1f} s after it was started over a frozen one;"
        f" the first, thawed after {taken_over + FROZEN_SECONDS:.0f} s, ended with exit code {code}")


def _all_delivered(bench, archive, report):
    messages = bench.report("info", archive)["events"]["total"]
    require(report["next_seq"] == messages, f"the bridge ended at {report['next_seq']} of {messages}")


def _within_service_level(pause):
    require(pause < RESUME_SECONDS_MAX, f"nothing was produced for {pause:.1f} s")
