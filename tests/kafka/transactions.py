"""The cluster itself, with Confluent's client alone: transactions survive a broker that is killed, and a position in the same
transaction is enough to go on without loss or doubles. What the bridge relies on is proved here without the bridge."""

import threading
import time

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

import records
from harness import require, say, wait_until

SECONDS_BEFORE_AND_AFTER = 5
DOWN_SECONDS = 8
BATCH = 200
KEYS = 50


def run(bench):
    servers = bench.cluster.bootstrap_servers
    topic = f"transactions-{bench.mark}"
    positions = f"{topic}.positions"
    admin = AdminClient({"bootstrap.servers": servers})
    made = admin.create_topics([NewTopic(topic, 12, 3), NewTopic(positions, 1, 3)])
    for future in made.values():
        future.result(30)
    wait_until(lambda: {topic, positions} <= admin.list_topics(timeout=10).topics.keys(), 20, "topics are known")

    producer = _producer(servers, topic)
    following, failures, longest = 0, 0, 0.0
    trouble = threading.Thread(target=_trouble, args=(bench.cluster,), daemon=True)
    trouble.start()
    begin = committed_at = time.monotonic()
    while trouble.is_alive():
        try:
            producer.begin_transaction()
            for number in range(following, following + BATCH):
                producer.produce(topic, str(number).encode(), str(number % KEYS).encode())
            producer.produce(positions, str(following + BATCH).encode(), b"position")
            producer.commit_transaction(30)
            following += BATCH
            longest, committed_at = max(longest, time.monotonic() - committed_at), time.monotonic()
        except (KafkaException, BufferError):
            # whether it was committed is not known: a new producer ends what is open, and the position tells
            failures += 1
            producer = _producer(servers, topic)
            following = _position(servers, positions)
    seconds = time.monotonic() - begin
    require(following > 0, "nothing was committed")
    bench.cluster.do("status")

    by_key, found = {}, []
    for record in records.committed(servers, [topic]):
        by_key.setdefault(record.key(), []).append(int(record.value()))
        found.append(int(record.value()))
    require(len(found) == following, f"{len(found)} records for {following} committed")
    require(sorted(found) == list(range(following)), "records are missing or doubled")
    require(all(numbers == sorted(numbers) for numbers in by_key.values()), "records of a key are out of order")
    say(f"  {following:,} records in transactions of {BATCH} over {seconds:.0f} s, broker 2 killed and restarted: {failures} failed,"
        f" longest pause {longest:.1f} s; none missing, doubled or out of order")


def _trouble(cluster):
    time.sleep(SECONDS_BEFORE_AND_AFTER)
    cluster.do("kill", "2")
    time.sleep(DOWN_SECONDS)
    cluster.do("start", "2")
    cluster.do("wait")
    time.sleep(SECONDS_BEFORE_AND_AFTER)


def _producer(servers, identity):
    producer = Producer({
        "bootstrap.servers": servers, "transactional.id": identity, "message.timeout.ms": 30000, "transaction.timeout.ms": 60000,
        "linger.ms": 5, "compression.type": "lz4",
    })
    for _ in range(12):
        try:
            producer.init_transactions(10)
            return producer
        except KafkaException as error:
            require(error.args[0].retriable() or error.args[0].code() == KafkaError._TIMED_OUT, str(error))
    raise AssertionError("init_transactions does not succeed in two minutes")


def _position(servers, topic):
    return max((int(record.value()) for record in records.committed(servers, [topic])), default=0)
