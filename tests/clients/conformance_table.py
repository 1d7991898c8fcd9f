"""RFC 6455 as a table: what a client sends, and what the server does.

A case is a name, the bytes that are sent behind the handshake (a list, whose members are sent one after the other), and
what comes back, in order. Behind a case that does not end by itself the client closes with 1000 and must get that back,
and nothing else before it.

Sections are those of the RFC; the closes that the RFC leaves to the server are those of docs/PROTOCOL.md, section 5.
"""

from wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_frame, frame

SUBSCRIBE = b'{"action":"subscribe","symbols":["AAPL"],"events":["trade"]}'
FIRST, SECOND, THIRD = SUBSCRIBE[:20], SUBSCRIBE[20:41], SUBSCRIBE[41:]
LIMIT = 64 * 1024


# What comes back.
def pong(payload):
    return "pong", payload


def newest_pong(payload):
    """Pongs of some of many pings, in order, the last of which answers the last (section 5.5.3)."""
    return "newest pong", payload


def notice(kind, code=None):
    """A notice of `tradesim.v1`, with its code."""
    return "notice", kind, code


def closed(*codes, reason=""):
    """The server closes with one of these codes and a reason that begins so."""
    return "closed", codes, reason


def echoed(code):
    """The server answers a close with the same code, or with none, and ends the connection."""
    return "echoed", code


SUBSCRIBED = notice("subscribed")

# Read by a client of the subprotocol, so that what arrived can be seen by its answer.
CASES = [
    # 5.2, 5.4: messages and fragments
    ("nothing at all", [], []),
    ("a message in one frame", [frame(TEXT, SUBSCRIBE)], [SUBSCRIBED]),
    ("two messages in one segment", [frame(TEXT, SUBSCRIBE) * 2], [SUBSCRIBED, SUBSCRIBED]),
    ("a message in two fragments", [frame(TEXT, FIRST, fin=False), frame(CONTINUATION, SECOND + THIRD)],
     [SUBSCRIBED]),
    ("a message in three fragments, in one segment",
     [frame(TEXT, FIRST, fin=False) + frame(CONTINUATION, SECOND, fin=False) + frame(CONTINUATION, THIRD)],
     [SUBSCRIBED]),
    ("fragments of one byte",
     [frame(TEXT, SUBSCRIBE[:1], fin=False)
      + b"".join(frame(CONTINUATION, bytes([byte]), fin=False) for byte in SUBSCRIBE[1:])
      + frame(CONTINUATION)], [SUBSCRIBED]),
    ("empty fragments before, between and behind",
     [frame(TEXT, fin=False), frame(CONTINUATION, SUBSCRIBE, fin=False), frame(CONTINUATION, fin=False),
      frame(CONTINUATION)], [SUBSCRIBED]),
    ("a ping between fragments",
     [frame(TEXT, FIRST, fin=False), frame(PING, b"between"), frame(CONTINUATION, SECOND + THIRD)],
     [pong(b"between"), SUBSCRIBED]),
    ("a pong between fragments",
     [frame(TEXT, FIRST, fin=False), frame(PONG, b"between"), frame(CONTINUATION, SECOND + THIRD)], [SUBSCRIBED]),
    ("a close between fragments", [frame(TEXT, FIRST, fin=False), close_frame(1001)], [echoed(1001)]),
    ("a continuation of nothing", [frame(CONTINUATION, SUBSCRIBE)], [closed(1002)]),
    ("an unfinished continuation of nothing", [frame(CONTINUATION, SUBSCRIBE, fin=False)], [closed(1002)]),
    ("a continuation behind a whole message", [frame(TEXT, SUBSCRIBE), frame(CONTINUATION, SUBSCRIBE)],
     [SUBSCRIBED, closed(1002)]),
    ("a text within a fragmented text", [frame(TEXT, FIRST, fin=False), frame(TEXT, SUBSCRIBE)], [closed(1002)]),
    ("a binary within a fragmented text", [frame(TEXT, FIRST, fin=False), frame(BINARY, b"x")], [closed(1002)]),
    ("a mask of zeros", [frame(TEXT, SUBSCRIBE, mask=b"\0\0\0\0")], [SUBSCRIBED]),
    # section 5.2 asks for the shortest form, and says of no reaction to another one: it is read, as nearly everywhere
    ("a length of two bytes where none is needed", [frame(PING, b"x", length_bytes=2)], [pong(b"x")]),
    ("a length of eight bytes where none is needed", [frame(TEXT, SUBSCRIBE, length_bytes=8)], [SUBSCRIBED]),
    # 5.2: reserved bits and opcodes
    *[(f"reserved bits {rsv:03b} on a {name}", [frame(opcode, payload, rsv=rsv)], [closed(1002)])
      for rsv in (1, 2, 4, 7) for name, opcode, payload in
      (("text", TEXT, SUBSCRIBE), ("ping", PING, b"x"), ("close", CLOSE, b"\x03\xe8"))],
    ("a reserved bit on a continuation",
     [frame(TEXT, FIRST, fin=False), frame(CONTINUATION, SECOND + THIRD, rsv=4)], [closed(1002)]),
    *[(f"reserved opcode {opcode:#x}", [frame(opcode, b"x")], [closed(1002)])
      for opcode in (3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF)],
    ("a reserved opcode without a payload", [frame(3)], [closed(1002)]),
    # 5.1: masks
    *[(f"a {name} without a mask", [frame(opcode, payload, mask=None)], [closed(1002)])
      for name, opcode, payload in
      (("text", TEXT, SUBSCRIBE), ("ping", PING, b"x"), ("close", CLOSE, b"\x03\xe8"), ("empty pong", PONG, b""))],
    ("what HTTP/2 begins with", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], [closed(1002)]),
    # 5.5: control frames
    ("an empty ping", [frame(PING)], [pong(b"")]),
    ("a ping of 125 bytes", [frame(PING, bytes(range(125)))], [pong(bytes(range(125)))]),
    ("a ping that is no text", [frame(PING, b"\xff\xfe\x00")], [pong(b"\xff\xfe\x00")]),
    ("a thousand pings", [b"".join(frame(PING, str(number).encode()) for number in range(1000))],
     [newest_pong(b"999")]),
    ("a pong that nobody asked for", [frame(PONG, b"unsolicited")], []),
    ("a thousand of them", [frame(PONG, b"unsolicited") * 1000], []),
    ("a ping behind a pong", [frame(PONG, b"one") + frame(PING, b"two")], [pong(b"two")]),
    *[(f"a {name} of 126 bytes", [frame(opcode, b"\x03\xe8" + b"x" * 124)], [closed(1002)])
      for name, opcode in (("ping", PING), ("pong", PONG), ("close", CLOSE))],
    ("a ping that announces 2^63 - 1 bytes", [frame(PING, announced=2**63 - 1)], [closed(1002)]),
    *[(f"a fragmented {name}", [frame(opcode, b"\x03\xe8", fin=False)], [closed(1002)])
      for name, opcode in (("ping", PING), ("pong", PONG), ("close", CLOSE))],
    # 5.6, 8.1: text is UTF-8
    ("characters of two, three and four bytes", [frame(TEXT, '{"action":"é€😀"}'.encode())],
     [notice("error", "unknown_action")]),
    ("a character over three fragments",
     [frame(TEXT, b'{"action":"\xf0', fin=False), frame(CONTINUATION, b"\x9f\x98", fin=False),
      frame(CONTINUATION, b'\x80"}')], [notice("error", "unknown_action")]),
    ("a ping within a character", [frame(TEXT, b'{"action":"\xe2', fin=False), frame(PING, b"within"),
                                   frame(CONTINUATION, b'\x82\xac"}')],
     [pong(b"within"), notice("error", "unknown_action")]),
    *[(f"text with {name}", [frame(TEXT, b'{"action":"' + text + b'"}')], [closed(1007)])
      for name, text in (("a lone continuation byte", b"\x80"), ("an overlong slash", b"\xc0\xaf"),
                         ("an overlong zero of three bytes", b"\xe0\x80\x80"), ("a surrogate", b"\xed\xa0\x80"),
                         ("a code point above U+10FFFF", b"\xf4\x90\x80\x80"), ("0xff", b"\xff"))],
    ("text that ends within a character", [frame(TEXT, b"\xe2\x82")], [closed(1007)]),
    ("fragments that end within a character", [frame(TEXT, b"\xe2", fin=False), frame(CONTINUATION, b"\x82")],
     [closed(1007)]),
    ("invalid text in a first fragment is told at once", [frame(TEXT, b"\xff", fin=False)], [closed(1007)]),
    ("a new character before the last is whole",
     [frame(TEXT, b"\xe2", fin=False), frame(CONTINUATION, b"a", fin=False)], [closed(1007)]),
    # 10.4 and docs/PROTOCOL.md, section 3: sizes
    ("the largest message", [frame(TEXT, b" " * (LIMIT - len(SUBSCRIBE)) + SUBSCRIBE)], [SUBSCRIBED]),
    ("a byte more", [frame(TEXT, b" " * (LIMIT + 1))], [closed(1009)]),
    ("a byte more, announced and not sent", [frame(TEXT, announced=LIMIT + 1)], [closed(1009)]),
    ("a byte more over fragments", [frame(TEXT, b" " * LIMIT, fin=False), frame(CONTINUATION, b" ")],
     [closed(1009)]),
    ("2^63 - 1 bytes", [frame(TEXT, announced=2**63 - 1)], [closed(1009)]),
    ("a length with its first bit set (5.2)", [frame(TEXT, announced=2**63)], [closed(1002, 1009)]),
    ("binary messages are refused, fragmented or not",
     [frame(BINARY, b"x"), frame(BINARY, b"x", fin=False), frame(CONTINUATION, b"y")],
     [notice("error"), notice("error")]),
    ("a binary message that is too large", [frame(BINARY, announced=LIMIT + 1)], [closed(1009)]),
    # 7: closing
    ("a close without a code", [close_frame()], [echoed(None)]),
    *[(f"a close with {code}", [close_frame(code, b"bye")], [echoed(code)])
      for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)],
    ("a close with the longest reason", [close_frame(1000, b"x" * 123)], [echoed(1000)]),
    ("a close with a reason in UTF-8", [close_frame(1000, "größe".encode())], [echoed(1000)]),
    ("a close of one byte", [frame(CLOSE, b"\x03")], [closed(1002)]),
    *[(f"a close with {code}, which may not be sent", [close_frame(code)], [closed(1002)])
      for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)],
    ("a close whose reason is not UTF-8", [close_frame(1000, b"\xff\xfe")], [closed(1007)]),
    ("a message behind a close", [close_frame(1000) + frame(TEXT, SUBSCRIBE)], [echoed(1000)]),
    ("a ping behind a close", [close_frame(1000) + frame(PING, b"late")], [echoed(1000)]),
    ("a second close", [close_frame(1000) + close_frame(1001)], [echoed(1000)]),
    ("a fault behind a close", [close_frame(1000) + frame(3)], [echoed(1000)]),
    ("rubbish behind a fault", [frame(3) + b"\xff" * 4096], [closed(1002)]),
    ("a ping before a fault", [frame(PING, b"first"), frame(3)], [pong(b"first"), closed(1002)]),
    # what is said of messages, and does not end the connection
    ("a text that is not JSON", [frame(TEXT, b"hello")], [notice("error", "not_json")]),
    ("an empty text", [frame(TEXT)], [notice("error", "not_json")]),
    ("an unknown symbol, and then a known one",
     [frame(TEXT, b'{"action":"subscribe","symbols":["APPL"]}'), frame(TEXT, SUBSCRIBE)],
     [notice("error", "unknown_symbol"), SUBSCRIBED]),
]

# The same for a client without the subprotocol, which is told nothing but by the close.
PLAIN_CASES = [
    ("a subscription", [frame(TEXT, SUBSCRIBE)], []),
    ("a subscription in fragments", [frame(TEXT, FIRST, fin=False), frame(CONTINUATION, SECOND + THIRD)], []),
    ("a ping", [frame(PING, b"plain")], [pong(b"plain")]),
    ("a text that is not JSON", [frame(TEXT, b"hello")], [closed(1008, reason="not_json: ")]),
    ("a binary message", [frame(BINARY, b"hello")], [closed(1008)]),
    ("an unknown event type", [frame(TEXT, b'{"action":"subscribe","events":["trades"]}')],
     [closed(1008, reason="unknown_event_type: ")]),
    ("messages behind a bad one", [frame(TEXT, b"hello") + frame(TEXT, SUBSCRIBE) + frame(PING, b"x")],
     [closed(1008, reason="not_json: ")]),
]
