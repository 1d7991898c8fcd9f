#!/usr/bin/env python3
"""Decodes with fastavro what our Avro writer wrote, and compares with the lines of `cat`, text by text.

usage: avro_oracle.py LINES VALUES, VALUES being what `cargo run --example avro_values` makes of LINES.
"""

import datetime
import io
import json
import pathlib
import struct
import sys

import fastavro

SCHEMAS = pathlib.Path(__file__).resolve().parent.parent / "schemas" / "avro"
TYPES = {1: "trade", 2: "orderbook", 3: "marketdata"}


def price(value):
    """The shortest text with 2 to 4 decimals."""
    whole, fraction = f"{value:.4f}".split(".")
    return f"{whole}.{fraction[:2]}{fraction[2:].rstrip('0')}"


def plain(value):
    if isinstance(value, datetime.datetime):
        assert value.utcoffset() == datetime.timedelta(0)
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value if isinstance(value, (str, int)) or value is None else price(value)


def values(path):
    data = path.read_bytes()
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        at += 4
        yield data[at : at + length]
        at += length
    assert at == len(data), "the last value is cut"


def main():
    lines = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    schemas = {
        number: fastavro.parse_schema(json.loads((SCHEMAS / f"{name}.avsc").read_text()))
        for number, name in TYPES.items()
    }
    seen = dict.fromkeys(TYPES.values(), 0)
    found = list(values(pathlib.Path(sys.argv[2])))
    assert len(found) == len(lines) > 0, f"{len(found)} values of {len(lines)} lines"
    for line, value in zip(lines, found):
        magic, schema_id = struct.unpack(">BI", value[:5])
        assert magic == 0
        rest = io.BytesIO(value[5:])
        record = fastavro.schemaless_reader(rest, schemas[schema_id])
        assert rest.read() == b"", "bytes are left behind the datum"
        written = io.BytesIO()
        fastavro.schemaless_writer(written, schemas[schema_id], record)
        assert written.getvalue() == value[5:], f"fastavro writes other bytes: {line}"
        message = json.loads(line)
        event_type = TYPES[schema_id]
        seen[event_type] += 1
        assert message["event_type"] == event_type
        assert record.pop("schema_version") == message["schema_version"]
        assert record.pop("source") == "trade-generator"
        payload = {name: plain(field) for name, field in record.items()}
        assert list(payload.items()) == list(message["payload"].items()), f"{payload} is not {line}"
    assert all(seen.values()), f"a type is missing: {seen}"
    print(f"fastavro {fastavro.__version__} reads {len(found)} values as we meant them: {seen}")


main()
