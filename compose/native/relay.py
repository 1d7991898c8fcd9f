"""The registry's process: starts Apicurio and serves its Confluent API at the root of a port of 127.0.0.1.

Apicurio has that API under /apis/ccompat/v7 and no setting for the path, while clients of a schema registry expect it at the
root, `http://localhost:8081` by default. Requests for /apis/… pass as they are. Usage: relay.py PORT APICURIO_PORT COMMAND…
"""

import http.client
import http.server
import signal
import subprocess
import sys
import threading

PREFIX = "/apis/ccompat/v7"
REQUEST_BYTES_MAX = 16 << 20
ANSWER_SECONDS_MAX = 30
PASSED_ON = ("Content-Type", "Accept", "Authorization", "Content-Encoding")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # headers and body leave in two writes: without this the second waits for the client's delayed acknowledgement
    disable_nagle_algorithm = True
    apicurio_port = 0

    def relay(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length > REQUEST_BYTES_MAX or self.headers.get("Transfer-Encoding"):
            self.send_error(413 if length > REQUEST_BYTES_MAX else 411)
            return
        body = self.rfile.read(length) if length else None
        path = self.path if self.path.startswith("/apis/") else PREFIX + self.path
        headers = {name: self.headers[name] for name in PASSED_ON if self.headers[name]}
        connection = http.client.HTTPConnection("127.0.0.1", self.apicurio_port, timeout=ANSWER_SECONDS_MAX)
        try:
            connection.request(self.command, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.send_error(502, f"Apicurio does not answer: {error}")
            return
        finally:
            connection.close()
        self.send_response(answer.status)
        if answer.headers["Content-Type"]:
            self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = relay

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    # several clients at once must not be refused while a thread is made
    request_queue_size = 128


def main():
    port, Handler.apicurio_port = int(sys.argv[1]), int(sys.argv[2])
    server = Server(("127.0.0.1", port), Handler)
    registry = subprocess.Popen(sys.argv[3:], stdin=subprocess.DEVNULL)
    # a signal goes to the whole group, so Apicurio has it too
    signal.signal(signal.SIGTERM, lambda *_: None)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.exit(registry.wait())


if __name__ == "__main__":
    main()
