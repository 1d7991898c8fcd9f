"""WebSocket (RFC 6455) over a raw socket: what a client library would hide or refuse to send."""

import base64
import os
import selectors
import socket
import struct
import time

from served import Failure, PATIENCE_S

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10
MASK = b"\x37\xfa\x21\x3d"


def frame(opcode, payload=b"", *, fin=True, rsv=0, mask=MASK, announced=None, length_bytes=None):
    """A client's frame. `announced` is a length that is not the payload's, `length_bytes` a longer form of it."""
    length = len(payload) if announced is None else announced
    masked = 0x80 if mask else 0
    if length_bytes is None:
        length_bytes = 0 if length < 126 else 2 if length < 65536 else 8
    head = bytes([0x80 * fin | rsv << 4 | opcode])
    if length_bytes == 0:
        head += bytes([masked | length])
    elif length_bytes == 2:
        head += bytes([masked | 126]) + struct.pack(">H", length)
    else:
        head += bytes([masked | 127]) + struct.pack(">Q", length)
    if not mask:
        return head + payload
    body = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return head + mask + body


def close_frame(code=None, reason=b""):
    return frame(CLOSE, b"" if code is None else struct.pack(">H", code) + reason)


def handshake(target="/", *, protocol=None, headers=()):
    lines = [
        f"GET {target} HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}", "Sec-WebSocket-Version: 13", *headers,
    ]
    if protocol:
        lines.append(f"Sec-WebSocket-Protocol: {protocol}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Closed(Exception):
    """The connection is over; how is in `how`: `fin` or `rst`."""

    def __init__(self, how):
        super().__init__(how)
        self.how = how


class Client:
    """A raw client. Frames are read one by one; nothing is answered by itself."""

    def __init__(self, port, *, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect(("127.0.0.1", port))
        self.input = bytearray()
        self.headers = {}
        self.goes_on = False  # whether it sends without looking at what comes back

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def open(self, target="/", *, protocol=None, early=b""):
        """Makes the handshake. `early` is sent together with it."""
        self.send(handshake(target, protocol=protocol) + early)
        status, self.headers, _ = self.answer()
        if status != 101:
            raise Failure(f"the handshake got {status}")
        return self

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed("rst") from error

    def answer(self):
        """Status, headers and what has come behind them of an HTTP answer."""
        while b"\r\n\r\n" not in self.input:
            self.read()
        head, _, rest = bytes(self.input).partition(b"\r\n\r\n")
        self.input = bytearray(rest)
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        return int(first.split()[1]), headers, rest

    def read(self):
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError as error:
            raise Closed("rst") from error
        if not data:
            raise Closed("fin")
        self.input += data

    def frame(self):
        """The next frame: its first byte and its payload."""
        while True:
            parsed = header_of(self.input, 0)
            if parsed and len(self.input) >= parsed[0] + parsed[1]:
                head, length = parsed
                first = self.input[0]
                payload = bytes(self.input[head:head + length])
                del self.input[:head + length]
                return first, payload
            self.read()

    def reset(self):
        """Ends the connection by a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def header_of(data, at):
    """Length of the header and of the payload of a server's frame, or nothing if the header is not there yet."""
    if len(data) < at + 2:
        return None
    length = data[at + 1]
    if length & 0x80:
        raise Failure("the server masks a frame")
    if length < 126:
        return 2, length
    if length == 126:
        return (4, int.from_bytes(data[at + 2:at + 4], "big")) if len(data) >= at + 4 else None
    return (10, int.from_bytes(data[at + 2:at + 10], "big")) if len(data) >= at + 10 else None


def frames(data):
    """The whole frames of some bytes, each as its first byte and its payload, and how many bytes they take."""
    found, at, end = [], 0, len(data)
    while at + 2 <= end:
        start, length = at + 2, data[at + 1]
        if length == 126 and at + 4 <= end:  # nearly all, and millions of them
            start, length = at + 4, data[at + 2] << 8 | data[at + 3]
        elif length >= 126:
            parsed = header_of(data, at)
            if parsed is None:
                break
            start, length = at + parsed[0], parsed[1]
        stop = start + length
        if stop > end:
            break
        found.append((data[at], data[start:stop]))
        at = stop
    return found, at


class Receiver:
    """One of many clients, read as fast as it comes: what it got, and how it ended."""

    def __init__(self, port, target="/", *, protocol=None, receive_buffer=None):
        self.client = Client(port, receive_buffer=receive_buffer).open(target, protocol=protocol)
        self.rest = bytes(self.client.input)
        self.close = None
        self.over = False

    def take(self, data, on_message, on_ping=None):
        """Takes bytes; gives each text to a function, whole lists at a time, and notes the close."""
        data = self.rest + data
        found, used = frames(data)
        self.rest = data[used:]
        on_message([payload for first, payload in found if first == 0x81])
        for first, payload in found:
            if first == 0x89 and on_ping:
                on_ping(payload)
            elif first == 0x88:
                self.close = (int.from_bytes(payload[:2], "big"), payload[2:].decode())
                self.client.send(frame(CLOSE, payload[:2]))


def receive_all(receivers, on_data, until=None):
    """Reads all the receivers until each is at its end, or until an instant of the monotonic clock."""
    selector = selectors.DefaultSelector()
    for receiver in receivers:
        receiver.client.socket.setblocking(False)
        selector.register(receiver.client.socket, selectors.EVENT_READ, receiver)
        on_data(receiver, b"")
    while selector.get_map() and (until is None or time.monotonic() < until):
        left = PATIENCE_S if until is None else max(0.0, until - time.monotonic())
        ready = selector.select(left)
        if not ready and until is None:
            raise Failure(f"nothing came for {PATIENCE_S} s")
        for key, _ in ready:
            try:
                data = key.fileobj.recv(1 << 18)
            except BlockingIOError:
                continue
            if data:
                on_data(key.data, data)
            else:
                key.data.over = True
                selector.unregister(key.fileobj)
                key.fileobj.close()
    selector.close()
