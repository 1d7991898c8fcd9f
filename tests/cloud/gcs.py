"""Google Cloud Storage's XML interface, as far as clients use it here, over a server of S3.

The two interfaces are almost the same. This translates what differs: the condition on the generation of an object becomes one on its
existence, and answers get a generation. Emulators of the registries have only the JSON interface, or answer HEAD with 501.

    gcs.py PORT S3_PORT
"""

import hashlib
import http.client
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOP_BY_HOP = {"host", "authorization", "connection", "transfer-encoding", "keep-alive", "date", "server", "content-length"}


class Translation(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    s3_port = 0

    def forward(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {}
        for name, value in self.headers.items():
            if name.lower() == "x-goog-if-generation-match":
                if value != "0":
                    return self.answer(400, [], b"only the generation 0 is supported")
                headers["If-None-Match"] = "*"
            elif name.lower() not in HOP_BY_HOP and not name.lower().startswith("x-goog-"):
                headers[name] = value
        headers["Host"] = f"127.0.0.1:{self.s3_port}"
        headers["Authorization"] = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
        connection = http.client.HTTPConnection("127.0.0.1", self.s3_port, timeout=30)
        connection.request(self.command, self.path, body=body, headers=headers)
        response = connection.getresponse()
        content = response.read()
        kept = [(name, value) for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP]
        if etag := response.getheader("ETag"):
            generation = int.from_bytes(hashlib.sha256(etag.encode()).digest()[:7])
            kept.append(("x-goog-generation", str(generation)))
        self.answer(response.status, kept, content, response.getheader("Content-Length"))
        connection.close()

    def answer(self, status, headers, content, length=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        # the length of an object is in the answer to HEAD, which has no content
        self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    Translation.s3_port = int(sys.argv[2])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Translation).serve_forever()
