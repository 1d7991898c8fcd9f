"""A proxy of TCP connections on the loopback interface, which delays, cuts and refuses them.

It knows no HTTP beyond counting requests, so what it does is what a network does.
"""

import re
import socket
import threading
import time

METHODS = (b"GET ", b"HEAD ", b"PUT ", b"POST ", b"DELETE ")
RANGE = re.compile(rb"(?im)^range: bytes=(\d+)-(\d+)\r$")


class Gate:
    """Holds ranges until `count` of them wait at a time, and then lets all pass.

    `holds` is asked with the offset and the length of a range. `is_full` becomes true with the last of them. After ten seconds the gate
    gives up: then it lets all pass as well, and never becomes full.
    """

    def __init__(self, count, holds):
        self.count, self.holds = count, holds
        self.waiting = 0
        self.is_full = self.gave_up = False
        self.changed = threading.Condition()

    def enter(self, offset, length):
        if not self.holds(offset, length):
            return
        with self.changed:
            if self.is_full or self.gave_up:
                return
            self.waiting += 1
            self.is_full = self.waiting == self.count
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.is_full or self.gave_up, timeout=10)
            self.gave_up = not self.is_full
            self.changed.notify_all()


class Proxy:
    """Forwards connections to a port of this machine.

    latency_s   is added to each request.
    cut_bytes   closes every second connection after so many bytes of answers; 0 never does.
    refuse      closes every n-th connection before an answer; 0 never does.
    gate        holds ranges, see Gate.
    on_request  is called with the number of the request, from 1, and its first line, before it is forwarded.
    """

    def __init__(self, port):
        self.target = port
        self.latency_s = 0.0
        self.cut_bytes = 0
        self.refuse = 0
        self.on_request = None
        self.gate = None
        self.requests = 0
        self.connections = 0
        self.cut = 0
        self.refused = 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with self.lock:
            self.connections += 1
            number = self.connections
        if self.refuse and number % self.refuse == 0:
            self.refused += 1
            client.close()
            return
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            client.close()
            return
        cut = self.cut_bytes if number % 2 == 1 else 0
        threading.Thread(target=self._answers, args=(server, client, cut), daemon=True).start()
        try:
            while data := client.recv(1 << 16):
                if data.startswith(METHODS):
                    self._request(data)
                server.sendall(data)
        except OSError:
            pass
        finally:
            close(server)
            close(client)

    def _request(self, data):
        with self.lock:
            self.requests += 1
            number = self.requests
        if self.on_request:
            self.on_request(number, data.split(b"\r\n", 1)[0].decode("latin-1"))
        if self.latency_s:
            time.sleep(self.latency_s)
        if self.gate and (found := RANGE.search(data)):
            first, last = map(int, found.groups())
            self.gate.enter(first, last + 1 - first)

    def _answers(self, server, client, cut):
        left = cut
        try:
            while data := server.recv(1 << 16):
                if cut and len(data) >= left:
                    client.sendall(data[: left // 2])
                    self.cut += 1
                    break
                left -= len(data)
                client.sendall(data)
        except OSError:
            pass
        finally:
            close(server)
            close(client)


def close(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()
