#!/usr/bin/env python3
"""A bare librdkafka producer beside the bridge, on a real cluster: the records that a bridge has made of a day, read back and produced
again as fast as librdkafka takes them, with the bridge's settings. Prints records a second.

Needs a cluster (`compose/native/cluster up`), the topics (`tradesim topics create --topic-prefix perf.`) with a run of the bridge in
them, and `pip install confluent-kafka`.
"""

import argparse
import time

import confluent_kafka

TOPICS = ["raw.trades", "raw.orderbook", "raw.marketdata"]


def records(options):
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": options.bootstrap_servers, "group.id": f"bare-{time.time_ns()}", "auto.offset.reset": "earliest",
        "isolation.level": "read_committed", "enable.auto.commit": False,
    })
    consumer.subscribe([options.topic_prefix + topic for topic in TOPICS])
    found, begin = [], time.monotonic()
    while len(found) < options.records and time.monotonic() - begin < 60:
        found.extend((record.topic(), record.key(), record.value(), record.headers())
                     for record in consumer.consume(10_000, 1.0) if record.error() is None)
    consumer.close()
    return found


def produced(options, found, transactional):
    settings = {
        "bootstrap.servers": options.bootstrap_servers, "acks": "all", "enable.idempotence": True, "linger.ms": 10,
        "batch.size": 65536, "compression.type": "snappy", "queue.buffering.max.messages": 100_000,
        "partitioner": "murmur2_random",
    }
    if transactional:
        settings["transactional.id"] = f"bare-{time.time_ns()}"
    producer = confluent_kafka.Producer(settings)
    failures = []
    delivered = lambda error, _: failures.append(error) if error else None
    if transactional:
        producer.init_transactions()
        producer.begin_transaction()
    begin = last = time.monotonic()
    count = 0
    for topic, key, value, headers in found:
        while True:
            try:
                producer.produce(topic, value, key=key, headers=headers, on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.01)
        producer.poll(0)
        count += 1
        # the bridge's rule: every 100 ms or 50,000 records
        if transactional and (count == 50_000 or time.monotonic() - last > 0.1):
            producer.commit_transaction()
            producer.begin_transaction()
            last, count = time.monotonic(), 0
    if transactional:
        producer.commit_transaction()
    producer.flush()
    assert not failures, failures[0]
    return len(found) / (time.monotonic() - begin)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bootstrap-servers", default="localhost:9092,localhost:9093,localhost:9094")
    parser.add_argument("--topic-prefix", default="perf.")
    parser.add_argument("--records", type=int, default=990_000)
    options = parser.parse_args()
    found = records(options)
    print(f"{len(found):,} records")
    for name, transactional in [("plain", False), ("in transactions", True)]:
        print(f"{name:16} {produced(options, found, transactional):10,.0f}/s")


if __name__ == "__main__":
    main()
