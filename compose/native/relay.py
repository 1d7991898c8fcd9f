"""The registry's process: starts Apicurio and serves its Confluent API at the root of a port of 127.0.0.1.

Apicurio has that API under /apis/ccompat/v7 and no setting for the path, while clients of a schema registry expect it at the
root, `http://localhost:8081` by default. Requests for /apis/… pass as they are. A secure port is served beside it: https, with
basic authentication. Usage: relay.py PORT APICURIO_PORT [--secure PORT CERTIFICATE AUTH_FILE] COMMAND…
"""

import base64
import hmac
import http.client
import http.server
import signal
import ssl
import subprocess
import sys
import threading

PREFIX = "/apis/ccompat/v7"
REQUEST_BYTES_MAX = 16 << 20
ANSWER_SECONDS_MAX = 30
PASSED_ON = ("Content-Type", "Accept", "Authorization", "Content-Encoding")
TLS_SECONDS_MAX = 10


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


class SecureHandler(Handler):
    """The same for those who say who they are; Apicurio itself asks nobody."""

    authorization = ""
    timeout = TLS_SECONDS_MAX

    def relay(self):
        if not hmac.compare_digest(self.headers.get("Authorization", "").encode(), self.authorization.encode()):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="registry"')
            self.send_header("Content-Length", "0")
            self.send_header("Connection", "close")
            self.end_headers()
            return
        super().relay()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = relay


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    # several clients at once must not be refused while a thread is made
    request_queue_size = 128


class SecureServer(Server):
    """Behind TLS. The handshake is made by the connection's own thread, where it holds up nobody."""

    def __init__(self, port, certificate):
        super().__init__(("127.0.0.1", port), SecureHandler)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)

    def get_request(self):
        connection, address = super().get_request()
        return self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request, client_address):
        # a client that does not trust the certificate, for one
        pass


def main():
    port, Handler.apicurio_port = int(sys.argv[1]), int(sys.argv[2])
    servers = [Server(("127.0.0.1", port), Handler)]
    command = sys.argv[3:]
    if command[0] == "--secure":
        secure_port, certificate, auth_file = command[1:4]
        command = command[4:]
        with open(auth_file, encoding="utf-8") as file:
            _, _, account = file.read().strip().partition(" ")
        SecureHandler.authorization = "Basic " + base64.b64encode(account.encode()).decode()
        servers.append(SecureServer(int(secure_port), certificate))
    registry = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    # a signal goes to the whole group, so Apicurio has it too
    signal.signal(signal.SIGTERM, lambda *_: None)
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.exit(registry.wait())


if __name__ == "__main__":
    main()
