"""Reads topics with Confluent's client and decodes values with Confluent's deserializer: no code of ours is involved."""

import datetime
import decimal
import json
import time

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from harness import require

TOPICS = {"trade": "raw.trades", "orderbook": "raw.orderbook", "marketdata": "raw.marketdata"}
DEAD_LETTERS = "dlq.raw.failed"
SILENCE_SECONDS_MAX = 30
# what an Avro value holds beyond the payload (contract, section 1)
ENVELOPE_FIELDS = {"schema_version", "source"}


def committed(bootstrap_servers, topics):
    """Every record that a read_committed consumer sees, partition by partition in order."""
    consumer = Consumer({
        "bootstrap.servers": bootstrap_servers, "group.id": "tradesim-campaign", "isolation.level": "read_committed",
        "enable.auto.commit": False, "enable.partition.eof": True, "auto.offset.reset": "earliest",
    })
    try:
        partitions = []
        for topic in topics:
            known = consumer.list_topics(topic, timeout=30).topics[topic]
            require(known.error is None and known.partitions, f"topic {topic}: {known.error}")
            partitions += [TopicPartition(topic, number, 0) for number in known.partitions]
        consumer.assign(partitions)
        at_end, heard = 0, time.monotonic()
        while at_end < len(partitions):
            # returns when it has as many, or after that time
            batch = consumer.consume(5000, timeout=0.2)
            heard = time.monotonic() if batch else heard
            require(time.monotonic() - heard < SILENCE_SECONDS_MAX, f"no record and no end of a partition for {SILENCE_SECONDS_MAX} s")
            for record in batch:
                if record.error() is None:
                    yield record
                else:
                    # the end of a partition; its number goes to the end only once, as nothing is written meanwhile
                    require(record.error().name() == "_PARTITION_EOF", str(record.error()))
                    at_end += 1
    finally:
        consumer.close()


def headers(record):
    return {name: value.decode("ascii") for name, value in record.headers() or []}


class Decoder:
    """Confluent's AvroDeserializer, with the schemas of the registry."""

    def __init__(self, registry_url):
        self.deserializer = AvroDeserializer(SchemaRegistryClient({"url": registry_url}))

    def decode(self, record):
        return self.deserializer(record.value(), SerializationContext(record.topic(), MessageField.VALUE))


def difference(value, message):
    """What differs between a decoded value and the message that it was made of; None if nothing does."""
    payload = message["payload"]
    missing = value.keys() - payload.keys() - ENVELOPE_FIELDS - {"correlation_id"}
    if missing:
        return f"{sorted(missing)} are not in the message"
    if (value["schema_version"], value["source"]) != (message["schema_version"], "trade-generator"):
        return f"schema_version and source are {value['schema_version']!r} and {value['source']!r}"
    for name, found in value.items():
        if name in ENVELOPE_FIELDS:
            continue
        expected = payload.get(name)
        if isinstance(found, decimal.Decimal):
            same = found == decimal.Decimal(expected)
        elif isinstance(found, datetime.datetime):
            same = found == datetime.datetime.fromisoformat(expected.replace("Z", "+00:00"))
        else:
            same = found == expected
        if not same:
            return f"{name} is {found!r}, in the message {expected!r}"
    return None


def micros(text):
    """Microseconds since the epoch of an RFC 3339 instant, without floating point."""
    since = datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return since // datetime.timedelta(microseconds=1)


def dead_letter(record):
    return json.loads(record.value())
