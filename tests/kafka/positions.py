"""The topic of positions under fifty shards: compaction keeps a record for each run and the last segment, and little of the transactions.

Fifty producers commit positions as bridges do, and write the same ones into a second topic that keeps the markers of transactions as long as
Kafka does by default. The settings are those of `topics create` at a sixteenth of the size and a sixtieth of the time, so that minutes of
fifty bridges pass in seconds.
"""

import json
import threading
import time

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

import records
from harness import Failure, require, say

SHARDS = 50
# of `topics create`: 16 MiB and 300 s
SEGMENT_BYTES = 1 << 20
MARKER_MS = 5000
FIRST_COMMITS = 300
NEXT_COMMITS = 60
# the segment that is written to, one that waits for the cleaner, and markers of the last seconds
BOUND_BYTES = 5 * SEGMENT_BYTES // 2
# the cleaner looks every 15 s
CLEANED_SECONDS_MAX = 240


class Shard:
    """A producer that commits a position in each transaction, into both topics."""

    def __init__(self, servers, topics, mark, number):
        self.topics = topics
        self.stream = f"{number:02}{mark}".ljust(32, "0")
        self.next = 0
        self.failure = None
        self.producer = Producer({
            "bootstrap.servers": servers, "transactional.id": f"positions-{mark}-{number}", "transaction.timeout.ms": 60000, "linger.ms": 0})

    def commit(self, count):
        try:
            for _ in range(count):
                self.next += 1000
                key = f"{self.stream}/nightly.2026-02-18.1.003-of-050"
                value = json.dumps({"schema_version": 1, "stream": self.stream, "run": "nightly.2026-02-18.1.003-of-050",
                                    "next_seq": self.next, "bridge": "0123456789abcdef"}, separators=(",", ":"))
                self.producer.begin_transaction()
                for topic in self.topics:
                    self.producer.produce(topic, value.encode(), key.encode())
                self.producer.commit_transaction(60)
        except Exception as error:  # noqa: BLE001 it is reported by the main thread
            self.failure = error


def run(bench):
    servers = bench.cluster.bootstrap_servers
    prefix = bench.prepare("positions")
    ours, default = f"{prefix}tradesim.positions", f"{prefix}default.positions"
    admin = AdminClient({"bootstrap.servers": servers})
    settings = {"cleanup.policy": "compact", "segment.bytes": str(SEGMENT_BYTES), "min.cleanable.dirty.ratio": "0.1"}
    for future in admin.create_topics([NewTopic(default, 1, 3, config=settings | {"min.insync.replicas": "2"})]).values():
        future.result(30)
    entries = [ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
               for name, value in (("segment.bytes", str(SEGMENT_BYTES)), ("delete.retention.ms", str(MARKER_MS)))]
    for future in admin.incremental_alter_configs([ConfigResource(ResourceType.TOPIC, ours, incremental_configs=entries)]).values():
        future.result(30)

    shards = [Shard(servers, [ours, default], bench.mark, number) for number in range(SHARDS)]
    _each(shards, lambda shard: shard.producer.init_transactions(60))
    begin = time.monotonic()
    _each(shards, lambda shard: shard.commit(FIRST_COMMITS))
    rate = SHARDS * FIRST_COMMITS / (time.monotonic() - begin)
    begin = time.monotonic()
    while True:
        # the cleaner works only when there is something new to clean
        _each(shards, lambda shard: shard.commit(NEXT_COMMITS))
        found = _bytes(bench, ours)
        if found <= BOUND_BYTES:
            break
        require(time.monotonic() - begin < CLEANED_SECONDS_MAX, f"the topic has {found} bytes, expected at most {BOUND_BYTES}")
    written = sum(shard.next // 1000 for shard in shards)
    kept = sum(1 for _ in records.committed(servers, [ours]))
    kept_default, default_bytes = sum(1 for _ in records.committed(servers, [default])), _bytes(bench, default)
    newest = {}
    for record in records.committed(servers, [ours]):
        newest[record.key()] = json.loads(record.value())["next_seq"]
    require(sorted(newest.values()) == sorted(shard.next for shard in shards), "the newest position of a shard is missing")
    say(f"  {written:,} commits of {SHARDS} shards, {rate:,.0f} a second: {kept:,} records and {found:,} bytes are left; with the default for"
        f" markers {kept_default:,} and {default_bytes:,}")
    _search(bench, prefix, kept)


def _search(bench, prefix, kept):
    """A new run reads the whole topic, once, before it begins."""
    begin = time.monotonic()
    said = bench.errors("publish", bench.day(), "--run", "new", "--topic-prefix", prefix, "--speed", "max", "--log-format", "json", expected=0)
    seconds = time.monotonic() - begin
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    read = [line["fields"]["records"] for line in lines if line["fields"].get("message") == "position read"]
    require(read and read[0] <= kept, f"a new run read {read} records of {kept}")
    say(f"  a new run read {read[0]:,} records before it began; delivered in {seconds:.1f} s")


def _each(shards, work):
    """Runs it for all shards at the same time."""
    threads = [threading.Thread(target=work, args=(shard,)) for shard in shards]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for shard in shards:
        if shard.failure is not None:
            raise Failure(f"{shard.stream}: {shard.failure}")


def _bytes(bench, topic):
    """The largest replica of the topic, as the brokers state it."""
    said = bench.cluster.output("kafka", "org.apache.kafka.tools.LogDirsCommand", "--bootstrap-server", bench.cluster.bootstrap_servers,
                                "--describe", "--topic-list", topic)
    found = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
    return max(partition["size"] for broker in found["brokers"] for folder in broker["logDirs"] for partition in folder["partitions"])
