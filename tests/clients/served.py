"""A running `tradesim replay`, and what is asked of it over plain HTTP."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import threading
import time

import blake3

PATIENCE_S = 60


class Failure(Exception):
    """Something is not as it has to be."""


def expect(what, found, expected):
    if found != expected:
        raise Failure(f"{what}: found {found!r}, expected {expected!r}")


def wait_for(what, condition, seconds=PATIENCE_S):
    """Asks again and again until the condition holds; gives what it gave."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"{what}: not within {seconds} s")
        time.sleep(0.01)


class ContentDigest:
    """The digest of the contract, section 3: each message as its length (u32, little-endian) and its text."""

    def __init__(self):
        self.hasher = blake3.blake3()
        self.count = 0

    def push(self, message):
        self.hasher.update(len(message).to_bytes(4, "little") + message)
        self.count += 1

    def push_all(self, messages):
        pieces = []
        for message in messages:
            pieces.append(len(message).to_bytes(4, "little"))
            pieces.append(message)
        self.hasher.update(b"".join(pieces))
        self.count += len(messages)

    def text(self):
        return f"blake3:{self.hasher.hexdigest()}"


def digest_of(messages):
    digest = ContentDigest()
    digest.push_all(messages)
    return digest.text()


class Tradesim:
    """The binary, to be run in a folder of its own and without anybody's settings."""

    def __init__(self, binary, folder):
        self.binary = os.path.abspath(binary)
        self.folder = folder
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("TRADE_GEN_")}

    def command(self, *args):
        return [self.binary, *map(str, args), "--no-env"]

    def run(self, *args):
        """Runs to the end, expects success, gives the standard output."""
        done = subprocess.run(self.command(*args), cwd=self.folder, env=self.env, capture_output=True)
        if done.returncode != 0:
            raise Failure(f"{args}: exit code {done.returncode}: {done.stderr.decode()}")
        return done.stdout

    def record(self, name, *args):
        """Records a part of 2026-02-18 and gives its file name."""
        self.run("record", "--date", "2026-02-18", "--seed", "42", "-o", name, *args)
        return name

    def info(self, file):
        return json.loads(self.run("info", file, "--json"))

    def cat(self, file, *args):
        """The messages of a file, as bytes."""
        return self.run("cat", file, *args).splitlines()

    @contextlib.contextmanager
    def replay(self, *args):
        """A server on a free port. It is ended if it does not end by itself; then its code must be 143."""
        server = Server(self, args)
        try:
            yield server
        except BaseException:
            server.process.kill()
            server.process.wait()
            print("".join(server.said[-20:]), flush=True)
            raise
        server.end()


class Server:
    def __init__(self, tradesim, args):
        self.process = subprocess.Popen(
            tradesim.command("replay", *args, "--port", "0", "--json", "--log-level", "WARN"),
            cwd=tradesim.folder, env=tradesim.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        self.said = []
        self.report = None
        self.port = None
        for line in self.process.stderr:
            self.said.append(line)
            if line.startswith("listening on ws://127.0.0.1:"):
                self.port = int(line.rsplit(":", 1)[1])
                break
        if self.port is None:
            raise Failure(f"replay {args} ended before it listened: {self.said}")
        # what it says later must not fill the pipe
        self.reader = threading.Thread(target=lambda: self.said.extend(self.process.stderr), daemon=True)
        self.reader.start()

    @property
    def url(self):
        return f"ws://127.0.0.1:{self.port}"

    def http(self, method, path, body=None):
        """Status and body of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body=body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def status(self):
        return json.loads(self.http("GET", "/status")[1])

    def control(self, action, **body):
        status, answer = self.http("POST", f"/control/{action}", json.dumps(body) if body else None)
        if status != 200:
            raise Failure(f"control {action} {body}: {status} {answer!r}")
        return json.loads(answer)

    def is_healthy(self):
        return self.process.poll() is None and self.http("GET", "/healthz") == (200, b"ok\n")

    def anonymous_bytes(self):
        with open(f"/proc/{self.process.pid}/status") as lines:
            for line in lines:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) * 1024
        raise Failure("the process has no RssAnon")

    def end(self):
        """Waits for its end, or makes one where it would stay. Its report is kept."""
        if self.report is None:
            self.process.send_signal(signal.SIGTERM)
            self.report = json.loads(self.process.stdout.read())
            self.wait()

    def finish(self):
        """Waits until it ends by itself, and gives its report."""
        self.report = json.loads(self.process.stdout.read())
        expect("exit code of the server", self.wait(), 0)
        return self.report

    def wait(self):
        code = self.process.wait(PATIENCE_S)
        self.reader.join(PATIENCE_S)
        if code not in (0, 143) or any("panicked" in line for line in self.said):
            raise Failure(f"the server ended with {code}: {''.join(self.said)}")
        return code


class Cases:
    """Prints a line for each case, and counts."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def run(self, name, function, *args):
        started = time.monotonic()
        try:
            said = function(*args)
        except Exception as error:  # a case that cannot be run has failed, and the others are still of interest
            self.failed += 1
            print(f"FAILED {name}: {type(error).__name__}: {error}", flush=True)
            return
        self.passed += 1
        detail = f": {said}" if said else ""
        print(f"ok {name}{detail} ({time.monotonic() - started:.1f} s)", flush=True)

    def summary(self):
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed or not self.passed else 0
