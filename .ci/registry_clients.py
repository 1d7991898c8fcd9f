#!/usr/bin/env python3
"""Confluent's own Python client against `dev registry`: its serializer and deserializer, and what an operator does.

usage: registry_clients.py BINARY [URL]; with a URL, the same against the registry that answers there.
"""

import decimal
import datetime
import pathlib
import subprocess
import sys
import uuid

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

SCHEMAS = pathlib.Path(__file__).resolve().parent.parent / "schemas" / "avro"

TRADE = {
    "trade_id": "97ece17a-80a4-467a-9cf4-b892bafabcb3",
    "symbol": "AAPL",
    "trade_type": "BUY",
    "order_type": "MARKET",
    "price": decimal.Decimal("179.1400"),
    "quantity": 200,
    "timestamp": datetime.datetime(2026, 2, 18, 14, 30, 0, 366511, tzinfo=datetime.timezone.utc),
    "exchange": "NASDAQ",
    "trader_id": "TRD-00157",
    "account_id": "ACC-0031",
    "status": "NEW",
    "correlation_id": None,
    "schema_version": 1,
    "source": "trade-generator",
}


def refused(status, action, code=None):
    try:
        action()
    except SchemaRegistryError as error:
        assert error.http_status_code == status, error
        assert code is None or error.error_code == code, error
        return str(error)
    raise AssertionError("nothing was refused")


def use(url, is_ours):
    registry = SchemaRegistryClient({"url": url})
    prefix = f"ci{uuid.uuid4().hex[:8]}."
    topic = f"{prefix}raw.trades"
    subject = f"{topic}-value"
    text = (SCHEMAS / "trade.avsc").read_text()
    context = SerializationContext(topic, MessageField.VALUE)

    # a serializer that may not register finds nothing yet
    careful = AvroSerializer(registry, text, conf={"auto.register.schemas": False})
    refused(404, lambda: careful(TRADE, context), 40401)
    value = AvroSerializer(registry, text)(TRADE, context)
    schema_id = registry.get_latest_version(subject).schema_id
    assert value[:5] == b"\x00" + schema_id.to_bytes(4, "big")
    assert AvroDeserializer(registry)(value, context) == TRADE
    # another client, without what this one remembers
    fresh = SchemaRegistryClient({"url": url})
    assert AvroDeserializer(fresh)(value, context) == TRADE
    assert AvroSerializer(fresh, text, conf={"auto.register.schemas": False})(TRADE, context) == value

    schema = Schema(text, "AVRO")
    assert registry.register_schema(subject, schema) == schema_id
    assert fresh.lookup_schema(subject, schema).schema_id == schema_id
    assert subject in registry.get_subjects()
    assert registry.get_versions(subject) == [1]
    assert registry.test_compatibility(subject, schema)
    breaking = Schema(text.replace('"type": "int"', '"type": "string"', 1), "AVRO")
    assert not registry.test_compatibility(subject, breaking)
    said = refused(409, lambda: registry.register_schema(subject, breaking), 409)
    optional = Schema(
        text.rstrip().removesuffix("]\n}") + ', {"name": "fee", "type": ["null", "string"], "default": null}]}', "AVRO"
    )
    assert registry.test_compatibility(subject, optional)
    second = registry.register_schema(subject, optional)
    assert second != schema_id
    assert registry.get_versions(subject) == [1, 2]
    # an old reader takes what a new writer writes, and the other way round
    newer = AvroSerializer(registry, optional.schema_str)({**TRADE, "fee": "1.25"}, context)
    assert newer[1:5] == second.to_bytes(4, "big")
    assert AvroDeserializer(fresh, text)(newer, context) == TRADE
    assert AvroDeserializer(fresh, optional.schema_str)(value, context) == {**TRADE, "fee": None}

    assert registry.get_compatibility() == "BACKWARD"
    registry.set_compatibility(subject, "NONE")
    assert registry.get_compatibility(subject) == "NONE"
    third = registry.register_schema(subject, breaking)
    assert third not in (schema_id, second)
    refused(422, lambda: registry.set_compatibility(subject, "SOMETIMES"), 42203 if is_ours else None)
    refused(422, lambda: registry.register_schema(subject, Schema("{", "AVRO")), 42201 if is_ours else None)
    refused(404, lambda: fresh.get_version(subject, 17), 40402)
    refused(404, lambda: fresh.get_schema(2**30), 40403)
    assert registry.delete_version(subject, 3) == 3
    assert registry.get_versions(subject) == [1, 2]
    # Apicurio counts what is deleted already
    assert registry.delete_subject(subject)[:2] == [1, 2]
    assert subject not in registry.get_subjects()
    registry.delete_subject(subject, permanent=True)
    if is_ours:
        assert "quantity" in said, said
    print(f"confluent-kafka's serializer, deserializer and client work with {url}")


def main():
    if len(sys.argv) > 2:
        use(sys.argv[2], is_ours=False)
        return
    command = [sys.argv[1], "dev", "registry", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as registry:
        try:
            use(registry.stdout.readline().strip(), is_ours=True)
        finally:
            registry.terminate()
        assert registry.wait(timeout=30) == 0


main()
