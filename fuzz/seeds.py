#!/usr/bin/env python3
"""Writes hand-made seeds for every fuzz target to fuzz/corpus: inputs that cover much of the code.

Usage: seeds.py BINARY. Run it after a change of a format, followed by `cargo fuzz cmin`. Existing files are kept.
"""

import pathlib
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORPUS = ROOT / "fuzz" / "corpus"


def put(target, name, content):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def lines(name, count):
    return (ROOT / "fixtures" / name).read_text().splitlines()[:count]


def messages():
    found = {}
    for line in lines("minute.jsonl", 3000) + lines("early-close.jsonl", 900):
        kind = line.split('"event_type":"')[1].split('"')[0]
        found.setdefault(kind, line)
    return found


def envelopes():
    for kind, line in messages().items():
        put("envelope", kind, line)
        put("envelope", f"{kind}-spaced", line.replace(":", " : ").replace(",", " ,\n"))
        put("envelope", f"{kind}-unknown", line.replace('"symbol"', '"x":[{"y":1e9,"\\u00e9":null}],"symbol"', 1))
        put("envelope", f"{kind}-spelt", line.replace("000Z", "+00:00").replace(":1,", ":1.0,"))
        put("letters", kind, line)


def control():
    texts = {
        "subscribe": '{"action":"subscribe","symbols":["AAPL","MSFT"],"events":["trade"]}',
        "several": '{"action":"unsubscribe"}\n{"action":"subscribe","events":["orderbook"]}\n'
        '{"action":"unsubscribe","symbols":["AAPL"]}',
        "query": "from_seq=17&symbols=MSFT,%41APL&events=trade,marketdata",
        "digest": "digest=blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
        "step": '{"messages":10}',
        "seek": '{"to":"10:00:00.5"}',
        "seek-number": '{"to":18446744073709551615}',
        "speed": '{"speed":"2.5x"}',
    }
    for name, text in texts.items():
        put("control", name, text)


def frame(opcode, payload, final=True, mask=b"\x01\x02\x03\x04", reserved=0):
    length = len(payload)
    head = bytes([(0x80 if final else 0) | reserved | opcode])
    if length < 126:
        head += bytes([0x80 | length])
    elif length < 65536:
        head += bytes([0x80 | 126]) + struct.pack(">H", length)
    else:
        head += bytes([0x80 | 127]) + struct.pack(">Q", length)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def inbound():
    put("inbound", "text", b"\x03" + frame(1, b'{"action":"subscribe"}'))
    put("inbound", "fragments", b"\x01" + frame(1, b"a\xc3", False) + frame(9, b"ping") + frame(0, b"\xa9b"))
    put("inbound", "binary", b"\x07" + frame(2, b"x" * 200) + frame(10, b"pong"))
    put("inbound", "pings", b"\x02" + frame(9, b"one") * 3 + frame(8, struct.pack(">H", 1000) + b"bye"))
    put("inbound", "close", b"\x05" + frame(8, b"") + frame(1, b"behind"))
    put("inbound", "not-utf8", b"\x05" + frame(1, b"\xff"))
    put("inbound", "too-long", b"\x09\x81\xff" + struct.pack(">Q", 1 << 63) + b"\x00" * 4)
    put("inbound", "unmasked", b"\x05\x81\x05hello")


def frames():
    def unmasked(opcode, payload, final=True):
        sent = frame(opcode, payload, final, mask=bytes(4))
        at = 2 + {126: 2, 127: 8}.get(sent[1] & 0x7F, 0)
        return bytes([sent[0], sent[1] & 0x7F]) + sent[2:at] + sent[at + 4 :]

    put("frames", "texts", b"\x03" + unmasked(1, b"hello") + unmasked(2, b"\x00\xff") + unmasked(1, b"again"))
    put("frames", "not-utf8", b"\x01" + unmasked(1, b"\xff\xfe") + unmasked(1, b"behind"))
    put("frames", "fragments", b"\x02" + unmasked(1, b"a\xc3", False) + unmasked(9, b"ping") + unmasked(0, b"\xa9"))
    put("frames", "long", b"\x40" + unmasked(1, b"x" * 400) + unmasked(1, b"behind"))
    long = unmasked(2, b"y" * 100, False) + unmasked(0, b"z" * 150, False) + unmasked(9, b"p") + unmasked(0, b"w" * 90)
    put("frames", "long-fragments", b"\x11" + long + unmasked(1, b"behind"))
    put("frames", "close", b"\x05" + unmasked(8, struct.pack(">H", 1001) + b"bye") + unmasked(1, b"behind"))


def http():
    shake = (
        "GET {} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{}\r\n"
    )
    put("http", "handshake", shake.format("/", "").encode() + frame(8, struct.pack(">H", 1000)))
    put("http", "notices", shake.format("/?from_seq=0&symbols=AAPL", "Sec-WebSocket-Protocol: tradesim.v1\r\n"))
    put("http", "origin", shake.format("/?events=trade", "Origin: http://evil.example\r\n"))
    put("http", "twice", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    put("http", "status", "GET /status HTTP/1.0\r\n\r\n")
    for action, body in [("pause", ""), ("step", '{"messages":1}'), ("seek", '{"to":0}'), ("speed", '{"speed":"max"}')]:
        head = f"POST /control/{action} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        put("http", action, head + body)
    chunked = "POST /control/step HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    put("http", "chunked", chunked + "2;x=y\r\n{}\r\n0\r\nA: b\r\n\r\n")
    put("http", "half", "GET / HTTP/1.1\r\nHost: loc")


def zigzag(number):
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while True:
        byte = number & 0x7F
        number >>= 7
        out.append(byte | (0x80 if number else 0))
        if not number:
            return bytes(out)


def text(value):
    return zigzag(len(value)) + value.encode()


def decimal(units):
    size = max(1, (units.bit_length() + 8) // 8)
    return zigzag(size) + units.to_bytes(size, "big", signed=True)


def avro():
    tail = zigzag(1) + text("trade-generator")
    time = zigzag(1_771_425_000_366_511)
    trade = text("97ece17a-80a4-467a-9cf4-b892bafabcb3") + text("AAPL") + zigzag(0) + zigzag(1) + decimal(1_791_400)
    trade += zigzag(200) + time + zigzag(1) + text("TRD-00157") + text("ACC-0031") + zigzag(0)
    book = text("AAPL") + decimal(1_785_000) + decimal(1_785_200) + zigzag(300) + zigzag(200) + decimal(200)
    book += decimal(1_785_100) + time + text("NASDAQ")
    candle = text("AAPL") + decimal(1) + decimal(-1) + decimal(127) + decimal(128) + zigzag(1200) + decimal(99_999_999_9999)
    candle += time + text("1m") + text("NASDAQ")
    put("avro", "trade", b"trade\n" + trade + zigzag(0) + tail)
    put("avro", "trade-correlated", b"trade\n" + trade + zigzag(1) + text("corr-c07880dd056584f0") + tail)
    put("avro", "orderbook", b"orderbook\n" + book + tail)
    put("avro", "marketdata", b"marketdata\n" + candle + tail)
    flat = " ".join((ROOT / "schemas" / "avro" / "orderbook.avsc").read_text().split())
    put("avro", "schema", flat.encode() + b"\n" + book + tail)
    shapes = {
        "recursive": (
            '{"type":"record","name":"List","fields":[{"name":"next","type":["null","List"]}]}',
            b"\x02\x02\x00",
        ),
        "shapes": (
            '{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array","items":"long"}},'
            '{"name":"m","type":{"type":"map","values":["null",{"type":"enum","name":"E","symbols":["A","B"]}]}},'
            '{"name":"f","type":{"type":"fixed","name":"F","size":3}},'
            '{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":40,"scale":9}}]}',
            b"\x02\x06\x00\x02" + text("k") + b"\x02\x00\x00abc" + b"\x04\x01\x02",
        ),
        "block": ('{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array","items":"null"}}]}',
                  zigzag(1 << 40) + b"\x00"),
        "scale": (
            '{"type":"record","name":"R","fields":[{"name":"d","type":{"type":"bytes","logicalType":"decimal",'
            '"precision":100000,"scale":100000}}]}',
            decimal(12345),
        ),
        "times": (
            '{"type":"record","name":"R","fields":[{"name":"t","type":{"type":"long","logicalType":"timestamp-millis"}},'
            '{"name":"u","type":{"type":"string","logicalType":"uuid"}},{"name":"x","type":"double"}]}',
            zigzag(1 << 60) + text("97ece17a-80a4-467a-9cf4-b892bafabcb3") + struct.pack("<d", float("nan")),
        ),
    }
    for name, (schema, datum) in shapes.items():
        put("avro", name, schema.encode() + b"\n" + datum)


def pages():
    # column, flags, rows, length of the dictionary, dictionary, values
    levels = struct.pack("<I", 2) + bytes([8, 1])
    put("pages", "plain", bytes([28, 0, 4, 0]) + levels + b"".join(struct.pack("<I", 1) + b"x" for _ in range(4)))
    put("pages", "dictionary", bytes([3, 2 + 8, 4, 8]) + struct.pack("<I", 4) + b"AAPL" + levels + bytes([0, 8, 0]))
    put("pages", "delta", bytes([0, 4 + 8, 4, 0]) + zigzag(64) + b"\x04\x04" + zigzag(0) * 2 + bytes(16))
    put("pages", "delta-texts", bytes([3, 6, 4, 0]) + levels + bytes(24))
    put("pages", "decimals", bytes([11, 0, 4, 0]) + levels + struct.pack("<4q", 1, -1, 10**12, -(2**63)))
    put("pages", "ids", bytes([26, 8, 4, 0]) + levels + bytes(64))


def letters():
    put("letters", "position", '{"schema_version":1,"stream":"0123","run":"nightly","next_seq":42,"bridge":"b1"}')
    put(
        "letters",
        "letter",
        '{"original_topic":"raw.trades","original_key":null,"original_value":"{\\"a\\":","original_encoding":"utf8",'
        '"error":"e","reason":"not_json","failed_at":"2026-02-18T14:30:00.000001Z","retry_count":0}',
    )
    put(
        "letters",
        "base64",
        '{"original_topic":null,"original_key":null,"original_value":"/wD+","original_encoding":"base64",'
        '"original_length":9,"original_blake3":"' + "0" * 64 + '","error":"e","reason":"x","failed_at":"","retry_count":7}',
    )
    put("letters", "bytes", bytes(range(256)))


def delivery():
    import random

    for seed in range(6):
        choices = random.Random(seed)
        steps = bytearray([seed])
        for _ in range(60):
            steps += bytes(choices.choices([0, 1, 20, 60, 110, 115, 150, 190, 205, 220, 240, 254, 2, 4, 16, 63], k=4))
        put("delivery", f"walk-{seed}", bytes(steps))
    # a greeting, and then messages
    put("delivery", "steady", b"\x00" + bytes([0, 120, 0x3F, 4, 0, 0, 0, 0]) + bytes([0, 1, 2, 3]) * 40)


def settings():
    for path in sorted((ROOT / "scenarios").glob("*.toml")):
        put("settings", path.stem, path.read_bytes())
    put(
        "settings",
        "plan",
        'seed = 7\n[[fault]]\nkind = "drip"\nat = [1, 2]\nfor = "2s"\nbytes_per_second = 10\n'
        '[[fault]]\nkind = "corrupt"\nrate = 0.01\n',
    )
    put(
        "settings",
        "env",
        "\ufeff# a comment\nTRADE_GEN_RATE=20\nexport KAFKA_BRIDGE_WS_URI='ws://localhost:1'\n"
        'TRADE_GEN_SEED="1"\nKAFKA_BRIDGE_TYPO=${HOME}\n\nOTHER\n',
    )


def record(ordinal, kind, content, received=1_771_425_000_000_000):
    return struct.pack("<QIqB", ordinal, len(content), received + ordinal, kind) + content + b"\0" * 8


def archives(binary):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)

        def run(*args):
            subprocess.run([binary, *args, "--no-env"], cwd=folder, check=True, stderr=subprocess.DEVNULL)

        fixtures = ROOT / "fixtures"
        (folder / "plan.toml").write_text(
            'seed = 1\n[[fault]]\nkind = "corrupt"\nat = [2, 5]\n[[fault]]\nkind = "duplicate"\nat = 3\n'
        )
        run("filter", str(fixtures / "minute.parquet"), "--limit", "12", "--symbols", "AAPL", "-o", "cut.parquet")
        run("filter", str(fixtures / "early-close.parquet"), "--limit", "9", "--symbols", "MSFT", "-o", "other.parquet")
        run("merge", "cut.parquet", "other.parquet", "-o", "merged.parquet")
        run("plant", "cut.parquet", "--faults", "plan.toml", "-o", "planted.parquet")
        run("record", "--date", "2026-02-18", "--seed", "3", "--symbols", "1", "--rate", "1", "--burst", "--from", "09:30",
            "--to", "09:30:40", "-o", "recorded.parquet")
        trades = [line for line in lines("minute.jsonl", 400)][:4]
        texts = [b'{"op":"hello"}', trades[0].encode(), b"\xff\x00", trades[1].encode(), b"", trades[2].encode()]
        records = [record(0, 0, b"ws://feed")]
        for content in texts:
            records.append(record(len(records), 1 if content[:1] != b"\xff" else 2, content))
        records.insert(3, record(3, 3, b"the connection was lost"))
        put("journal", "capture", b"".join(records))
        put("journal", "torn", b"".join(records)[:-20])
        put("journal", "empty", b"")
        put("journal", "backwards", record(0, 0, b"ws://feed") + record(1, 1, trades[1].encode())
            + record(2, 1, trades[0].encode(), received=5) + record(3, 1, b"x", received=-(1 << 62)))
        for path in sorted(folder.glob("*.parquet")):
            content = path.read_bytes()
            put("archive", path.stem, content)
            start = content.rindex(b'{"format_version"')
            depth = 0
            for at in range(start, len(content)):
                depth += {ord("{"): 1, ord("}"): -1}.get(content[at], 0)
                if depth == 0:
                    break
            put("metadata", path.stem, content[start : at + 1])


def main():
    for write in (envelopes, control, inbound, frames, http, avro, pages, letters, delivery, settings):
        write()
    if len(sys.argv) > 1:
        archives(str(pathlib.Path(sys.argv[1]).resolve()))


main()
