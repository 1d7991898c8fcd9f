#!/usr/bin/env python3
"""Reads a tradesim archive according to FORMAT.md, with only pyarrow and blake3.

Checks the marker, the tail and every row group and state frame, derives the ids and rebuilds the text of every message,
checks that listed faults are raw frames, and recomputes and prints the content digest. Exits with 1 if anything differs
from the metadata of the file.

    python -m pip install pyarrow blake3
    python read_archive.py FILE [--messages]
"""

import argparse
import datetime
import json
import re
import struct
import sys
import uuid

import pyarrow as pa
import pyarrow.parquet as pq
from blake3 import blake3

BLOCK_ROWS = 8192
MASK = (1 << 64) - 1
MARKER = re.compile(rb"tradesim-tail/1 ([0-9a-f]{16}) blake3:([0-9a-f]{64})")
EPOCH = datetime.datetime(1970, 1, 1)


class Damaged(Exception):
    """The file is damaged or inconsistent."""


def check(condition, what):
    if not condition:
        raise Damaged(what)


def digest_text(data):
    return "blake3:" + blake3(data).hexdigest()


def prove(data):
    """Sections 1, 5.6 and 6: checks the digest of every byte. Returns the metadata document."""
    check(data[:4] == b"PAR1" and data[-4:] == b"PAR1" and len(data) >= 12, "not a whole Parquet file")
    (footer_length,) = struct.unpack("<I", data[-8:-4])
    footer_start = len(data) - 8 - footer_length
    check(footer_start >= 4, "the footer is longer than the file")
    footer = data[footer_start:-8]
    check(footer.count(b"tradesim-tail/") == 1, "there is not exactly one marker")
    marker = MARKER.search(footer)
    check(marker is not None, "the marker is malformed or of another version")
    offset = int(marker[1], 16)
    check(4 <= offset <= footer_start, "the tail's offset is outside the file")
    at = footer_start + marker.start(2)
    zeroed = data[offset:at] + b"0" * 64 + data[at + 64 :]
    check(blake3(zeroed).hexdigest() == marker[2].decode(), "the tail's digest differs")

    metadata = pq.read_metadata(pa.BufferReader(data)).metadata
    version = metadata[b"tradesim.format_version"].decode()
    check(version.split(".")[0] == "1", f"unsupported format version {version}")
    document = json.loads(metadata[b"tradesim.metadata"])
    parts = sorted(document["row_groups"] + document["state_frames"], key=lambda part: part["offset"])
    end = 4
    for part in parts:
        check(part["offset"] == end, f"the part at {part['offset']} does not follow the previous one")
        end += part["length"]
        stored = data[part["offset"] : end]
        check(digest_text(stored) == part["digest"], f"the part at {part['offset']} is damaged")
    check(end == offset, "the parts do not cover all bytes before the tail")
    return document


def mix(value, key):
    value ^= key
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


class Origin:
    """Section 4: the ids of one origin."""

    def __init__(self, origin):
        context = "tradesim 2026-11 archive key from identity"
        key = blake3(origin["identity"].encode(), derive_key_context=context).digest()

        def words(data):
            return struct.unpack("<QQ", blake3(data, key=key).digest()[:16])

        self.correlation = words(b"")
        self.symbols = {
            entry["symbol"]: (ordinal, words(entry["symbol"].encode()))
            for ordinal, entry in enumerate(origin["symbols"])
        }

    def ids(self, symbol, order_no, order_event):
        ordinal, trade = self.symbols[symbol]
        high = mix(order_no << 8 | order_event, trade[0])
        low = mix(high, trade[1])
        trade_id = uuid.UUID(bytes=struct.pack(">QQ", high, low), version=4)
        word = mix(mix(ordinal << 48 | order_no, self.correlation[0]), self.correlation[1])
        return str(trade_id), f"corr-{word:016x}"


def orders(columns):
    """Section 4.5: order and event numbers of the rows of one block."""
    origins = columns.get("origin") or [0] * len(columns["seq"])
    expected = {}
    for origin, symbol, stored in zip(origins, columns["symbol"], columns["order_ref"]):
        if stored is None:
            yield None
            continue
        lag, event = divmod(stored, 256)
        order = expected.get((origin, symbol), 0) - lag
        expected[origin, symbol] = max(expected.get((origin, symbol), 0), order + 1)
        yield order, event


def price(units):
    text = f"{units // 10000}.{units % 10000:04}"
    return text[:-2] if text.endswith("00") else text[:-1] if text.endswith("0") else text


def time(micros):
    # not strftime: years before 1000 would lose their zeros
    days, rest = divmod(micros, 86_400_000_000)
    if days >= -719162:
        date = (EPOCH + datetime.timedelta(days=days)).date().isoformat()
    else:
        # datetime does not support the year 0, which has the days of the leap year 400 years later
        date = "0000" + (EPOCH + datetime.timedelta(days=days + 146097)).date().isoformat()[4:]
    seconds, fraction = divmod(rest, 1_000_000)
    return f"{date}T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:06}Z"


def escaped(text):
    # with ensure_ascii=False, the json module escapes exactly the characters of section 7.1
    return json.dumps(text, ensure_ascii=False)


def message(row, origins):
    """Section 7.1, or the bytes of a raw frame."""
    if row.get("raw") is not None:
        return row["raw"]
    ts = row["ts"]
    own = ts if row["payload_ts"] is None else row["payload_ts"]
    kind = row["event_type"]
    symbol, exchange = escaped(row["symbol"]), row["exchange"]
    if kind == "trade":
        if row["order"] is None:
            trade_id, correlation = str(uuid.UUID(bytes=row["trade_id"])), row["correlation_id"]
        else:
            origin = origins[row.get("origin", 0)]
            trade_id, correlation = origin.ids(row["symbol"], *row["order"])
        correlation = "null" if correlation is None else escaped(correlation)
        payload = (
            f'"trade_id":"{trade_id}","symbol":{symbol},"trade_type":"{row["trade_type"]}",'
            f'"order_type":"{row["order_type"]}","price":"{price(row["price"])}","quantity":{row["quantity"]},'
            f'"timestamp":"{time(own)}","exchange":"{exchange}","trader_id":"{row["trader_id"]}",'
            f'"account_id":"{row["account_id"]}","status":"{row["status"]}","correlation_id":{correlation}'
        )
    elif kind == "orderbook":
        bid, ask = row["bid_price"], row["bid_price"] + row["spread"]
        payload = (
            f'"symbol":{symbol},"bid_price":"{price(bid)}","ask_price":"{price(ask)}",'
            f'"bid_size":{row["bid_size"]},"ask_size":{row["ask_size"]},"spread":"{price(row["spread"])}",'
            f'"mid_price":"{price((bid + ask + 1) // 2)}","timestamp":"{time(own)}","exchange":"{exchange}"'
        )
    elif kind == "marketdata":
        payload = (
            f'"symbol":{symbol},"open":"{price(row["open"])}","high":"{price(row["high"])}",'
            f'"low":"{price(row["low"])}","close":"{price(row["close"])}","volume":{row["volume"]},'
            f'"vwap":"{price(row["vwap"])}","timestamp":"{time(own)}","interval":"{row["interval"]}",'
            f'"exchange":"{exchange}"'
        )
    else:
        raise Damaged(f"seq {row['seq']} has the event type {kind!r}")
    text = f'{{"schema_version":1,"event_type":"{kind}","timestamp":"{time(ts)}","payload":{{{payload}}}}}'
    return text.encode()


def listed_frames(document):
    """Section 5.9: numbers of the rows that must be raw frames, because a reader refuses them."""
    planted = (document.get("faults") or {}).get("planted") or []
    return {seq for fault in planted if fault["reason"] is not None for seq in fault["seqs"]}


def blocks(parquet):
    """Section 4.5: blocks of rows, counted from the beginning of each row group."""
    for group in range(parquet.metadata.num_row_groups):
        table = parquet.read_row_group(group)
        for start in range(0, len(table), BLOCK_ROWS):
            yield table.slice(start, BLOCK_ROWS).combine_chunks()


def rows(parquet):
    """All rows as dicts of integers, texts and bytes: times in microseconds, prices in units of 0.0001."""
    for batch in blocks(parquet):
        columns = {}
        for field, column in zip(batch.schema, batch.columns):
            kind = field.type
            if pa.types.is_timestamp(kind):
                column = column.cast(pa.int64())
            elif pa.types.is_dictionary(kind):
                column = column.cast(pa.string())
            values = column.to_pylist()
            if pa.types.is_decimal(kind):
                values = [None if value is None else int(value.scaleb(4)) for value in values]
            elif field.name == "trade_id":
                values = [value.bytes if isinstance(value, uuid.UUID) else value for value in values]
            columns[field.name] = values
        columns["order"] = orders(columns)
        names = list(columns)
        for values in zip(*columns.values()):
            yield dict(zip(names, values))


class Proofs:
    """Sections 5.11 and 5.12: the digest of each symbol, and the sums of each slice of time."""

    def __init__(self, document):
        self.slices = document.get("slices")
        if self.slices is None:
            return
        names = [entry["symbol"] for origin in document["origins"] for entry in origin["symbols"]]
        kept = (document.get("part") or {}).get("symbols", names)
        self.keys = {name: [blake3(), 0, 0] for name in names if name in kept}
        start = datetime.datetime.fromisoformat(self.slices["start"].replace("Z", "+00:00"))
        epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
        self.start = (start - epoch) // datetime.timedelta(microseconds=1)
        self.messages = [0] * len(self.slices["messages"])
        self.bytes = [0] * len(self.slices["bytes"])

    def add(self, row, text):
        if self.slices is None:
            return
        at = (row["ts"] - self.start) // self.slices["micros"]
        inside = row["symbol"] in self.keys and 0 <= at < len(self.messages)
        check(inside, f"seq {row['seq']} belongs to no symbol or slice")
        key = self.keys[row["symbol"]]
        key[0].update(struct.pack("<I", len(text)) + text)
        key[1] += 1
        key[2] += len(text) + 4
        self.messages[at] += 1
        self.bytes[at] += len(text) + 4

    def compare(self, document):
        if self.slices is None:
            return
        found = [
            {"symbol": name, "messages": count, "bytes": length, "digest": "blake3:" + hasher.hexdigest()}
            for name, (hasher, count, length) in self.keys.items()
            if count
        ]
        for ours, theirs in zip(found, document["keys"]):
            check(ours == theirs, f"the messages of {theirs['symbol']} differ")
        check(len(found) == len(document["keys"]), "the number of symbols with a digest differs")
        check(self.messages == self.slices["messages"], "the messages of the slices differ")
        check(self.bytes == self.slices["bytes"], "the bytes of the slices differ")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--messages", action="store_true", help="print the messages, one per line")
    options = parser.parse_args()
    with open(options.file, "rb") as file:
        data = file.read()
    try:
        document = prove(data)
        origins = [Origin(origin) for origin in document["origins"]]
        faulty = listed_frames(document)
        hasher, total, last = blake3(), 0, (-1, None)
        proofs = Proofs(document)
        for row in rows(pq.ParquetFile(pa.BufferReader(data))):
            check(row["seq"] > last[0] and (last[1] is None or row["ts"] >= last[1]), "rows are out of order")
            last = (row["seq"], row["ts"])
            if row["seq"] in faulty:
                check(row.get("raw") is not None, f"seq {row['seq']} is listed as a fault but is not a raw frame")
                faulty.remove(row["seq"])
            text = message(row, origins)
            hasher.update(struct.pack("<I", len(text)) + text)
            proofs.add(row, text)
            total += 1
            if options.messages:
                sys.stdout.buffer.write(text + b"\n")
        digest = "blake3:" + hasher.hexdigest()
        check(total == document["counts"]["total"], "the number of messages differs")
        check(not faulty, f"seq {min(faulty, default=0)} is listed as a fault but does not exist")
        proofs.compare(document)
        check(digest == document["digest"], f"the content digest is {digest}, not {document['digest']}")
    except Damaged as damage:
        print(f"{options.file}: {damage}", file=sys.stderr)
        return 1
    if not options.messages:
        print(digest)
    return 0


if __name__ == "__main__":
    sys.exit(main())
