"""Messages with one fault each, made by hand, with the reason for which each has to be refused; and mutations of good ones."""

import copy
import json

TRADE = {
    "trade_id": "bd38d1ee-b913-4d5b-8acb-8aa8d38bcc4e", "symbol": "AAPL", "trade_type": "BUY", "order_type": "LIMIT",
    "price": "178.50", "quantity": 100, "timestamp": "2026-02-18T14:30:00.000001Z", "exchange": "NASDAQ",
    "trader_id": "TRD-00042", "account_id": "ACC-0008", "status": "NEW", "correlation_id": "corr-0123456789abcdef",
}
ORDERBOOK = {
    "symbol": "AAPL", "bid_price": "178.49", "ask_price": "178.51", "bid_size": 300, "ask_size": 200, "spread": "0.02",
    "mid_price": "178.50", "timestamp": "2026-02-18T14:30:00.000001Z", "exchange": "NASDAQ",
}
MARKETDATA = {
    "symbol": "AAPL", "open": "178.50", "high": "178.60", "low": "178.40", "close": "178.55", "volume": 5000, "vwap": "178.5025",
    "timestamp": "2026-02-18T14:29:00.000000Z", "interval": "1m", "exchange": "NASDAQ",
}
PAYLOADS = {"trade": TRADE, "orderbook": ORDERBOOK, "marketdata": MARKETDATA}
# keys that a payload may be without, or that may be null
OPTIONAL = {"correlation_id"}
# any text will do there
FREE_TEXT = {"correlation_id"}


def envelope(kind):
    return {"schema_version": 1, "event_type": kind, "timestamp": "2026-02-18T14:30:00.000001Z",
            "payload": copy.deepcopy(PAYLOADS[kind])}


def by_hand():
    """(reason, frame) of every case."""
    cases = []
    for kind, payload in PAYLOADS.items():
        for key, value in payload.items():
            if key not in OPTIONAL:
                cases.append(("missing_field", _text(kind, lambda p, key=key: p.pop(key))))
                cases.append(("bad_type", _text(kind, lambda p, key=key: p.update({key: None}))))
            cases.append(("bad_type", _text(kind, lambda p, key=key: p.update({key: {}}))))
            cases.append(("duplicate_key", _twice(kind, key)))
            if isinstance(value, str) and key not in FREE_TEXT:
                cases.append(("bad_value", _text(kind, lambda p, key=key: p.update({key: ""}))))
    for key in ("schema_version", "event_type", "timestamp", "payload"):
        cases.append(("missing_field", json.dumps({k: v for k, v in envelope("trade").items() if k != key})))
        cases.append(("bad_type", json.dumps({**envelope("trade"), key: None})))
    cases += [("bad_value", _text("trade", lambda p, price=price: p.update(price=price))) for price in (
        "178.5", "178", "178.50000", "-1.00", "+1.00", " 178.50", "178.50 ", "1e2", "123456789.00", "178,50", "٣.٠٠", ".50", "178.")]
    cases += [("bad_type", _text("trade", lambda p, price=price: p.update(price=price))) for price in (178.5, 178, True)]
    cases += [("bad_value", _text("trade", lambda p, number=number: p.update(quantity=number)))
              for number in (0, -1, 2**31, 2**63, 10**30)]
    cases += [("bad_value", _text("trade", lambda p, key=key, text=text: p.update({key: text}))) for key, text in (
        ("trade_id", "bd38d1eeb9134d5b8acb8aa8d38bcc4e"), ("trade_id", "BD38D1EE-B913-4D5B-8ACB-8AA8D38BCC4E"),
        ("symbol", "ABCDEFGHIJK"), ("trade_type", "buy"), ("order_type", "ICEBERG"), ("exchange", "LSE"), ("status", "DONE"),
        ("trader_id", "TRD-42"), ("trader_id", "TRD-000042"), ("account_id", "ACC-00008"),
        ("timestamp", "2026-02-18"), ("timestamp", "2026-02-30T14:30:00Z"), ("timestamp", "2026-02-18T14:30:00+01:00"),
        ("timestamp", "2026-02-18T14:30:00.1234567Z"))]
    cases += [("bad_value", _text("marketdata", lambda p, text=text: p.update(interval=text))) for text in ("2m", "1M", "60")]
    cases += [("bad_value", _text("marketdata", lambda p: p.update(volume=0)))]
    cases += [("unknown_event_type", json.dumps({**envelope("trade"), "event_type": text})) for text in ("Trade", "quote", "")]
    cases += [("unsupported_schema_version", json.dumps({**envelope("trade"), "schema_version": number})) for number in (2, 99)]
    cases += [("unknown_envelope_key", json.dumps({**envelope("trade"), key: 1})) for key in ("seq", "Payload", "")]
    cases += [("bad_type", text) for text in ("[]", "1", "null", "true", '"trade"')]
    good = json.dumps(envelope("trade"))
    cases += [("not_json", text) for text in (
        "", " ", "{", "}", good[:-1], good + good, good + "x", good.replace('"', "'"), good.replace("100", "NaN"), good.replace("100", "01"),
        good.replace("}}", ",}}"), "\ufeff" + good, "// c\n" + good, good.replace(":", "=", 1), "[" * 200 + "]" * 200, "hello")]
    cases += [("not_utf8", data) for data in (
        b"\xff", b"\x80" * 10, good.encode("utf-16"), good.encode().replace(b"AAPL", b"\xc3\x28"), good.encode() + b"\xe2\x82",
        good.encode().replace(b"AAPL", b"\xed\xa0\x80"))]
    # larger than what a dead letter holds
    cases += [("not_json", "a" * (600 << 10)), ("not_json", "b" * (15 << 20)),
              ("unknown_envelope_key", json.dumps({**envelope("trade"), "padding": "x" * (2 << 20)})),
              ("not_utf8", b"\xfe" * (600 << 10))]
    return cases


def mutations(lines, count, random):
    """Frames that were good messages; some still are."""
    return [_frame(_mutation(random.choice(lines), random)) for _ in range(count)]


def _mutation(line, random):
    kind = random.randrange(12)
    if kind == 0:
        message = json.loads(line)
        members = list(message["payload"].items())
        random.shuffle(members)
        return json.dumps({**message, "payload": dict(members)}).encode()
    if kind == 1:
        message = json.loads(line)
        message["payload"].pop(random.choice(list(message["payload"])))
        return json.dumps(message).encode()
    if kind == 2:
        message = json.loads(line)
        message["payload"][random.choice(list(message["payload"]))] = random.choice([None, 0, "", [], "x", 1.5, True, "1.00"])
        return json.dumps(message).encode()
    if kind == 3:
        return json.dumps({**json.loads(line), random.choice(["extra", "payload2"]): 1}).encode()
    if kind == 4:
        message = json.loads(line)
        message["payload"]["added"] = random.choice([1, "text", None, {"deep": [1]}])
        return json.dumps(message, indent=1).encode()
    data = bytearray(line.encode())
    at = random.randrange(len(data))
    if kind == 5:
        data[at] ^= 1 << random.randrange(8)
    elif kind == 6:
        del data[at]
    elif kind == 7:
        data.insert(at, random.randrange(256))
    elif kind == 8:
        del data[at:]
    elif kind == 9:
        data[at:at] = data[at:at + random.randrange(1, 40)]
    elif kind == 10:
        digits = [place for place, byte in enumerate(data) if 48 <= byte <= 57]
        data[random.choice(digits)] = 48 + random.randrange(10)
    else:
        other = random.randrange(len(data))
        data[at], data[other] = data[other], data[at]
    return bytes(data)


def _frame(data):
    """As text where it may be: a text frame that is not UTF-8 ends the connection (RFC 6455, section 8.1)."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _text(kind, change):
    message = envelope(kind)
    change(message["payload"])
    return json.dumps(message, ensure_ascii=False)


def _twice(kind, key):
    text = json.dumps(PAYLOADS[kind])
    doubled = text[:-1] + f', "{key}": {json.dumps(PAYLOADS[kind][key])}}}'
    return json.dumps(envelope(kind)).replace(text, doubled)
