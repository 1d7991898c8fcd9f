"""Handshakes and plain HTTP as tables (docs/PROTOCOL.md, sections 1 and 6): a request, and the answer to it."""

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # both of section 1.3 of RFC 6455


def request(line="GET / HTTP/1.1", *, without=(), **headers):
    """A handshake, with headers taken out or put in; `_` stands for a dash, and a list for several headers."""
    lines = {"Host": "127.0.0.1", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": KEY,
             "Sec-WebSocket-Version": "13"}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    text = line + "\r\n"
    for name, values in lines.items():
        if name not in without:
            text += "".join(f"{name}: {value}\r\n" for value in (values if isinstance(values, list) else [values]))
    return (text + "\r\n").encode()


def raw(*lines, body=b""):
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


# (name, request, status or None where the connection is closed without an answer,
#  headers of the answer: a value, or None for a header that may not be there)
UPGRADED = {"sec-websocket-accept": ACCEPT, "upgrade": "websocket", "sec-websocket-extensions": None,
            "sec-websocket-protocol": None}
HANDSHAKES = [
    ("the example of the RFC", request(), 101, UPGRADED),
    ("header names in capitals", request().upper().replace(KEY.upper().encode(), KEY.encode()), 101, UPGRADED),
    ("header names in small letters",
     raw("GET / HTTP/1.1", "host: 127.0.0.1", "upgrade: websocket", "connection: upgrade",
         f"sec-websocket-key: {KEY}", "sec-websocket-version: 13"), 101, UPGRADED),
    ("no space behind colons",
     raw("GET / HTTP/1.1", "Host:127.0.0.1", "Upgrade:websocket", "Connection:Upgrade",
         f"Sec-WebSocket-Key:{KEY}", "Sec-WebSocket-Version:13"), 101, UPGRADED),
    ("Connection: keep-alive, Upgrade (Firefox)", request(Connection="keep-alive, Upgrade"), 101, UPGRADED),
    ("Connection in two headers", request(Connection=["keep-alive", "upgrade"]), 101, UPGRADED),
    ("Upgrade: WebSocket", request(Upgrade="WebSocket"), 101, UPGRADED),
    ("an offer of permessage-deflate",
     request(Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits, x-webkit-deflate-frame"), 101,
     UPGRADED),
    ("another subprotocol", request(Sec_WebSocket_Protocol="mqtt, graphql-ws"), 101, UPGRADED),
    ("our subprotocol among others", request(Sec_WebSocket_Protocol="mqtt, tradesim.v1"), 101,
     UPGRADED | {"sec-websocket-protocol": "tradesim.v1"}),
    ("our subprotocol in a header of its own", request(Sec_WebSocket_Protocol=["mqtt", "tradesim.v1"]), 101,
     UPGRADED | {"sec-websocket-protocol": "tradesim.v1"}),
    ("a whole URL in the request line", request("GET http://127.0.0.1/ HTTP/1.1"), 101, UPGRADED),
    ("an Origin of this machine", request(Origin="http://localhost:3000"), 101, UPGRADED),
    ("a header of 15 KiB", request(Cookie="x" * 15 * 1024), 101, UPGRADED),
    ("a foreign Origin", request(Origin="https://evil.example"), 403, {}),
    ("the Origin null", request(Origin="null"), 403, {}),
    ("no Upgrade", request(without=["Upgrade"]), 426, {"sec-websocket-version": "13", "upgrade": "websocket"}),
    ("Upgrade: h2c", request(Upgrade="h2c"), 426, {"sec-websocket-version": "13"}),
    ("no Connection", request(without=["Connection"]), 400, {}),
    ("Connection: keep-alive", request(Connection="keep-alive"), 400, {}),
    ("no key", request(without=["Sec-WebSocket-Key"]), 400, {}),
    ("an empty key", request(Sec_WebSocket_Key=""), 400, {}),
    ("a key of 15 bytes", request(Sec_WebSocket_Key="AAAAAAAAAAAAAAAAAAAA"), 400, {}),
    ("a key that is not base64", request(Sec_WebSocket_Key="!" * 24), 400, {}),
    ("two keys", request(Sec_WebSocket_Key=[KEY, KEY]), 400, {}),
    ("no version", request(without=["Sec-WebSocket-Version"]), 426, {"sec-websocket-version": "13"}),
    *[(f"version {version}", request(Sec_WebSocket_Version=version), 426, {"sec-websocket-version": "13"})
      for version in ("8", "12", "14", "0", "13.0", "x")],
    ("no Host", request(without=["Host"]), 400, {}),
    ("two Hosts", request(Host=["127.0.0.1", "localhost"]), 400, {}),
    ("HTTP/1.0", request("GET / HTTP/1.0"), 400, {}),
    ("POST", request("POST / HTTP/1.1", Content_Length="0"), 405, {"allow": "GET, HEAD"}),
    ("a body", request(Content_Length="4") + b"body", 400, {}),
    ("another path", request("GET /stream HTTP/1.1"), 404, {}),
    ("a header of more than 16 KiB", request(Cookie="x" * 17 * 1024), 431, {}),
    ("a header of a megabyte", request(Cookie="x" * (1 << 20)), 431, {}),
    ("two hundred headers", request(**{f"X-{number}": "y" for number in range(200)}), 431, {}),
    ("no HTTP at all", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n", 400, {}),
    ("HTTP/2 with prior knowledge", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None, {}),
    ("a header without a colon", raw("GET / HTTP/1.1", "Host: 127.0.0.1", "Upgrade websocket"), 400, {}),
    ("a space before the colon", raw("GET / HTTP/1.1", "Host : 127.0.0.1"), 400, {}),
]

# A query that is refused: the handshake is completed, and the connection closed with 1008 and this code.
REFUSED = [
    ("form_seq=1", "unknown_parameter"), ("from_seq=-1", "bad_value"), ("from_seq=1&from_seq=1", "duplicate_parameter"),
    ("from_seq=99999999", "beyond_end"), ("symbols=APPL", "unknown_symbol"), ("events=trades", "unknown_event_type"),
    ("digest=blake3:00", "bad_value"), (f"digest=blake3:{'0' * 64}", "digest_mismatch"), ("symbols=", "bad_value"),
    ("symbols=%ff", "bad_value"), ("from_seq=18446744073709551616", "bad_value"), ("from_seq", "bad_value"),
]


def get(path, method="GET", *headers):
    return raw(f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *headers)


def post(path, body=b"", *headers):
    length = f"Content-Length: {len(body)}"
    return raw(f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", length, *headers, body=body)


# (name, request, status, what the body begins with)
PLAIN = [
    ("GET /healthz", get("/healthz"), 200, b"ok\n"),
    ("HEAD /healthz", get("/healthz", "HEAD"), 200, b""),
    ("GET /healthz by HTTP/1.0", raw("GET /healthz HTTP/1.0"), 200, b"ok\n"),
    ("GET /status", get("/status"), 200, b'{"schema_version":1,"state":"'),
    ("GET /metrics", get("/metrics"), 200, b"# HELP "),
    ("GET /", get("/"), 426, b"this is a WebSocket server"),
    ("GET /nowhere", get("/nowhere"), 404, b"there is:"),
    ("GET /control/pause", get("/control/pause"), 405, b"allowed: POST"),
    ("DELETE /status", get("/status", "DELETE"), 405, b"allowed: GET, HEAD"),
    ("POST /control/fly", post("/control/fly"), 404, b"there is:"),
    ("POST /control/pause", post("/control/pause"), 200, b'{"schema_version":1,"state":"paused"'),
    ("a pause of another page", post("/control/pause", b"", "Origin: https://evil.example"), 403,
     b'{"error":{"code":"foreign_origin"'),
    ("a speed that is none", post("/control/speed", b'{"speed":"fast"}'), 400, b'{"error":{"code":"bad_value"'),
    ("a speed that is a number", post("/control/speed", b'{"speed":10}'), 400, b'{"error":{"code":"bad_type"'),
    ("a seek to nowhere", post("/control/seek", b"{}"), 400, b'{"error":{"code":"missing_field"'),
    ("a seek behind the end", post("/control/seek", b'{"to":99999999}'), 400, b'{"error":{"code":"beyond_end"'),
    ("steps of nothing", post("/control/step", b'{"messages":0}'), 400, b'{"error":{"code":"bad_value"'),
    ("a body that is not JSON", post("/control/seek", b"to 10:00"), 400, b'{"error":{"code":"not_json"'),
    ("a body of 65 KiB", post("/control/seek", b" " * 65 * 1024), 413, b'{"error":{"code":"too_large"'),
    ("a body that announces a terabyte", raw("POST /control/seek HTTP/1.1", "Host: 127.0.0.1",
                                             "Content-Length: 1099511627776"), 413,
     b'{"error":{"code":"too_large"'),
]
