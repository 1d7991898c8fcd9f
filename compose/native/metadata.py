"""Asks a broker what it knows of the cluster: one Metadata request of Kafka's protocol, without a client library.

Version 1 of request 3, https://kafka.apache.org/protocol#The_Messages_Metadata: the oldest that brokers of 4.x answer.
"""

import socket
import struct

METADATA = 3
VERSION = 1
ANSWER_BYTES_MAX = 16 << 20


class Metadata:
    """What one broker says: ids of the brokers that are alive, and partitions by (topic, number)."""

    def __init__(self, brokers, partitions):
        self.brokers = brokers
        self.partitions = partitions

    def not_in_sync(self):
        """Partitions with fewer replicas in sync than they have, as (topic, number)."""
        return sorted(key for key, (replicas, in_sync) in self.partitions.items() if len(in_sync) < len(replicas))


def ask(port, seconds=3):
    """The answer of the broker on that port of 127.0.0.1, or None if there is none in time."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
            client = b"cluster"
            # no list of topics: all of them
            request = struct.pack(">hhih", METADATA, VERSION, 1, len(client)) + client + struct.pack(">i", -1)
            connection.sendall(struct.pack(">i", len(request)) + request)
            size, = struct.unpack(">i", _read(connection, 4))
            if not 4 <= size <= ANSWER_BYTES_MAX:
                return None
            return _parse(Reader(_read(connection, size)))
    except (OSError, EOFError, struct.error):
        return None


def _parse(reader):
    reader.take("i")  # correlation id
    brokers = set()
    for _ in range(reader.take("i")):
        brokers.add(reader.take("i"))
        reader.text()  # host
        reader.take("i")  # port
        reader.text()  # rack
    reader.take("i")  # controller
    partitions = {}
    for _ in range(reader.take("i")):
        reader.take("h")  # error
        topic = reader.text()
        reader.take("b")  # internal
        for _ in range(reader.take("i")):
            reader.take("h")  # error
            number = reader.take("i")
            reader.take("i")  # leader
            partitions[topic, number] = (reader.numbers(), reader.numbers())
    return Metadata(brokers, partitions)


class Reader:
    """Reads the big-endian fields of Kafka's protocol, one behind the other."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, kind):
        value, = struct.unpack_from(">" + kind, self.data, self.at)
        self.at += struct.calcsize(">" + kind)
        return value

    def text(self):
        length = self.take("h")
        if length < 0:
            return None
        text = self.data[self.at:self.at + length].decode()
        self.at += length
        return text

    def numbers(self):
        return [self.take("i") for _ in range(self.take("i"))]


def _read(connection, count):
    data = b""
    while len(data) < count:
        some = connection.recv(count - len(data))
        if not some:
            raise EOFError
        data += some
    return data
