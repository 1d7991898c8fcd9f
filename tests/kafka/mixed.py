"""Everything at once: bridge and replay server are killed and frozen while brokers are, at random. Not in CI; `--kills` is how many
troubles there are."""

import collections
import random
import threading
import time

from harness import Bridge, Failure, Replay, Watch, require, say

BETWEEN_SECONDS_MAX = 3
FROZEN_SECONDS_MAX = 12
BROKER_DOWN_SECONDS_MAX = 15
FINISH_SECONDS_MAX = 300
TROUBLES = {"kill bridge": 6, "kill replay": 2, "freeze bridge": 2, "freeze replay": 1, "kill broker": 2, "freeze broker": 1}


class BrokerTrouble:
    """At most one broker is away at a time, as two of three have to hold every record; the rest goes on meanwhile."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.thread = None
        self.failure = None

    def begin(self, kind, broker, seconds):
        if self.thread and self.thread.is_alive():
            return False
        self.thread = threading.Thread(target=self._run, args=(kind, broker, seconds))
        self.thread.start()
        return True

    def end(self):
        if self.thread:
            self.thread.join()
        if self.failure:
            raise self.failure

    def _run(self, kind, broker, seconds):
        try:
            self.cluster.do("kill" if kind == "kill broker" else "freeze", broker)
            time.sleep(seconds)
            self.cluster.do("start" if kind == "kill broker" else "thaw", broker)
            self.cluster.do("wait")
        except Failure as failure:
            self.failure = failure


def run(bench):
    archive, prefix = bench.day(), bench.prepare("mixed")
    chance = random.Random(bench.seed)
    done, runs = collections.Counter(), 0
    begin, pauses = time.monotonic(), []
    while done.total() < bench.kills:
        runs += 1
        run_name = f"mixed-{runs}"
        replay = Replay(bench, archive, run_name)
        brokers = BrokerTrouble(bench.cluster)
        started = time.monotonic()
        with Watch(Bridge(bench, replay.url, prefix)) as watch:
            while done.total() < bench.kills and watch.bridge.alive():
                time.sleep(chance.uniform(0, BETWEEN_SECONDS_MAX))
                trouble, = chance.choices(list(TROUBLES), list(TROUBLES.values()))
                if trouble == "kill bridge":
                    watch.bridge.kill()
                    watch.bridge = Bridge(bench, replay.url, prefix)
                elif trouble == "kill replay":
                    replay.kill()
                    time.sleep(chance.uniform(0, 2))
                    replay = Replay(bench, archive, run_name, port=replay.port)
                elif trouble in ("freeze bridge", "freeze replay"):
                    job = watch.bridge if trouble == "freeze bridge" else replay
                    job.freeze()
                    time.sleep(chance.uniform(0, FROZEN_SECONDS_MAX))
                    job.thaw()
                elif not brokers.begin(trouble, chance.choice("123"), chance.uniform(0, BROKER_DOWN_SECONDS_MAX)):
                    continue
                done[trouble] += 1
            brokers.end()
            # a bridge that ended by itself before it had everything has failed, and says why
            report = watch.bridge.finish(FINISH_SECONDS_MAX)
            pauses.append(watch.longest_pause(started, watch.progress[-1]))
        replay.kill()
        messages = bench.report("info", archive)["events"]["total"]
        require(report["next_seq"] == messages, f"the bridge ended at {report['next_seq']} of {messages}")
        bench.prove(archive, prefix, run_name)
    troubles = ", ".join(f"{trouble} {count}" for trouble, count in done.most_common())
    say(f"  {done.total()} troubles ({troubles}) in {runs} run(s), {time.monotonic() - begin:.0f} s: longest pause {max(pauses):.1f} s")
