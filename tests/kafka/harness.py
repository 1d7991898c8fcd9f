"""What the campaigns have in common: the cluster, the programs under test, what they say of themselves, and failures."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CLUSTER = ROOT / "compose" / "native" / "cluster"
POLL_SECONDS = 0.1
# the service level (contract, section 7); also the limit of what is waited for
RESUME_SECONDS_MAX = 60


class Failure(Exception):
    """What was to be proved does not hold; the text says what was found."""


def require(condition, text):
    if not condition:
        raise Failure(text)


def say(text):
    print(text, flush=True)


def wait_until(condition, seconds, what):
    """Polls, and gives the seconds that it took. `condition` may raise Failure to end the wait."""
    begin = time.monotonic()
    while not condition():
        require(time.monotonic() - begin < seconds, f"not after {seconds} s: {what}")
        time.sleep(POLL_SECONDS)
    return time.monotonic() - begin


class Cluster:
    """compose/native/cluster, of one offset."""

    def __init__(self, offset):
        self.offset = offset
        said = self._run("env").stdout
        settings = dict(re.findall(r"export (\w+)=(\S+)", said))
        self.bootstrap_servers = settings["KAFKA_BRIDGE_KAFKA_BOOTSTRAP_SERVERS"]
        self.registry_url = settings["KAFKA_BRIDGE_SCHEMA_REGISTRY_URL"]
        self._settings = settings

    def secure(self):
        """Its ports for TLS and passwords."""
        require("TRADESIM_SECURE_KAFKA" in self._settings, "the cluster is not secure: `cluster up --secure` makes one that is")
        return Secure(self._settings)

    def do(self, *words):
        """Runs one of its commands; gives the seconds that it took."""
        begin = time.monotonic()
        self._run(*words)
        return time.monotonic() - begin

    def output(self, *words):
        """Runs one of its commands; gives its standard output."""
        return self._run(*words).stdout

    def _run(self, *words):
        done = subprocess.run([CLUSTER, "--offset", str(self.offset), *words], capture_output=True, text=True, check=False)
        require(done.returncode == 0, f"cluster {' '.join(words)}: {done.stderr.strip()}")
        return done


class Secure:
    """The secure ports of a cluster, as flags of tradesim. Passwords are in files, so that no process list shows them."""

    def __init__(self, settings):
        self.servers = settings["TRADESIM_SECURE_KAFKA"]
        self.registry_url = settings["TRADESIM_SECURE_REGISTRY"]
        folder = Path(settings["TRADESIM_SECURE_FOLDER"])
        self.ca = folder / "ca.pem"
        self.other_ca = folder / "other-ca.pem"
        self.password_file = folder / "password"
        self.auth_file = folder / "registry.auth"

    def password(self):
        return self.password_file.read_text(encoding="utf-8").strip()

    def brokers(self, servers=None, user="tradesim", password=None, ca=None):
        properties = {"security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": user,
                      "sasl.password": f"@{password or self.password_file}", "ssl.ca.location": ca or self.ca}
        flags = [word for name, value in properties.items() for word in ("--kafka-property", f"{name}={value}")]
        return ["--bootstrap-servers", servers or self.servers, *flags]

    def registry(self, auth=None, ca=None):
        return ["--schema-registry-url", self.registry_url, "--schema-registry-auth", f"@{auth or self.auth_file}",
                "--schema-registry-ca", ca or self.ca]

    @staticmethod
    def wrong_password(bench):
        return _written(bench.folder / "wrong-password", "wrong\n")

    @staticmethod
    def wrong_auth(bench):
        return _written(bench.folder / "wrong-auth", "basic tradesim:wrong\n")


def _written(path, text):
    path.write_text(text, encoding="utf-8")
    return path


class Bench:
    """One campaign's place: a temporary folder, the binary, the cluster, and every process that it started."""

    def __init__(self, tradesim, cluster, seed, kills):
        self.tradesim = str(tradesim)
        self.cluster = cluster
        self.seed = seed
        self.kills = kills
        self.jobs = []
        self.folder = Path(tempfile.mkdtemp(prefix="tradesim-campaign-"))
        # a name of its own for the topics of each campaign run, so that one cluster serves for many
        self.mark = os.urandom(3).hex()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for job in self.jobs:
            job.kill()
        if kind is Failure:
            say(f"  what the programs wrote is in {self.folder}")
        else:
            shutil.rmtree(self.folder)

    def run(self, *arguments, expected=0):
        """Runs a command to its end; gives its standard output."""
        command = [self.tradesim, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=self.environment(), cwd=self.folder)
        require(done.returncode == expected,
                f"tradesim {' '.join(command[1:])}: exit code {done.returncode}, expected {expected}\n"
                f"{done.stdout[-2000:]}\n{done.stderr[-3000:]}")
        return done.stdout

    def errors(self, *arguments, expected):
        """Runs a command that fails; gives its standard error."""
        command = [self.tradesim, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=self.environment(), cwd=self.folder)
        require(done.returncode == expected,
                f"tradesim {' '.join(command[1:])}: exit code {done.returncode}, expected {expected}\n{done.stderr[-3000:]}")
        return done.stderr

    def report(self, *arguments):
        return json.loads(self.run(*arguments, "--json"))

    def environment(self):
        own = {name: value for name, value in os.environ.items() if not name.startswith(("KAFKA_BRIDGE_", "TRADE_GEN_"))}
        own["KAFKA_BRIDGE_KAFKA_BOOTSTRAP_SERVERS"] = self.cluster.bootstrap_servers
        own["KAFKA_BRIDGE_SCHEMA_REGISTRY_URL"] = self.cluster.registry_url
        return own

    def prepare(self, name):
        """Makes topics and schemas; gives their prefix."""
        prefix = f"{name}-{self.mark}."
        self.run("topics", "create", "--topic-prefix", prefix)
        self.run("schemas", "register", "--topic-prefix", prefix)
        return prefix

    def day(self):
        """The default day from 09:30 to 11:30: 364,195 messages, at 100x about 5,000 a second."""
        path = self.folder / "morning.parquet"
        if not path.exists():
            day = self.folder / "day.parquet"
            self.run("record", "--date", "2026-02-18", "--seed", 42, "-o", day, "--no-env")
            self.run("filter", day, "--from", "09:30", "--to", "11:30", "-o", path)
        return path

    def prove(self, archive, prefix, run):
        """verify-topic: every count has to be zero and the digest the archive's. Gives its report."""
        begin = time.monotonic()
        report = self.report("verify-topic", "--archive", archive, "--topic-prefix", prefix, "--run", run)
        for kind in ("lost", "duplicated", "reordered", "altered", "foreign"):
            require(report[kind] == 0, f"verify-topic: {report}")
        digest = self.report("info", archive)["digest"]
        require(report["digest"] == digest, f"digest of the topics {report['digest']}, of the archive {digest}")
        say(f"  verified in {time.monotonic() - begin:.1f} s: nothing lost, duplicated, reordered, altered or foreign; {digest}")
        return report


class Job:
    """A process of ours, with its standard error in a file."""

    def __init__(self, bench, name, arguments):
        self.bench = bench
        number = len(bench.jobs)
        self.name = name
        self.errors = bench.folder / f"{number}-{name}.stderr"
        self.output = bench.folder / f"{number}-{name}.stdout"
        with open(self.errors, "wb") as errors, open(self.output, "wb") as output:
            self.child = subprocess.Popen([bench.tradesim, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=output,
                                          stderr=errors, env=bench.environment(), cwd=bench.folder)
        bench.jobs.append(self)

    def alive(self):
        return self.child.poll() is None

    def kill(self):
        if self.alive():
            self.child.kill()
        self.child.wait()

    def freeze(self):
        self.child.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.child.send_signal(signal.SIGCONT)

    def finish(self, seconds, expected=0):
        """Waits for its end; gives the report on its standard output."""
        try:
            code = self.child.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise Failure(f"{self.name} still runs after {seconds} s\n{self.last_lines()}") from error
        require(code == expected, f"{self.name}: exit code {code}, expected {expected}\n{self.last_lines()}")
        text = self.output.read_text(encoding="utf-8")
        return json.loads(text) if text.strip() else None

    def last_lines(self, count=30):
        return "\n".join(self.errors.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])

    def anonymous_bytes(self):
        """RssAnon of proc(5): memory that is the process's own, without files that it maps."""
        try:
            text = Path(f"/proc/{self.child.pid}/status").read_text(encoding="utf-8")
        except OSError:
            return 0
        found = re.search(r"RssAnon:\s+(\d+) kB", text)
        return int(found.group(1)) * 1024 if found else 0


class Replay(Job):
    """A replay server. Stays when all is delivered, as a bridge may be dead just then."""

    def __init__(self, bench, archive, run, speed="100x", port=0):
        super().__init__(bench, "replay", ["replay", archive, "--speed", speed, "--port", port, "--run", run, "--stay", "--no-env"])
        wait_until(self._listens, 20, f"replay listens\n{self.last_lines()}")

    def _listens(self):
        require(self.alive(), f"replay ended\n{self.last_lines()}")
        found = re.search(r"ws://127\.0\.0\.1:(\d+)", self.errors.read_text(encoding="utf-8"))
        if found:
            self.port = int(found.group(1))
            self.url = found.group(0)
        return bool(found)


class Bridge(Job):
    """A bridge that ends when the replay has ended and everything is committed."""

    def __init__(self, bench, url, prefix, *options):
        super().__init__(bench, "bridge", ["bridge", "--ws-uri", url, "--topic-prefix", prefix, "--metrics-port", 0,
                                           "--until-end", "--json", *options])
        self._address = None

    def get(self, path):
        """(status, text) of its HTTP server; (None, reason) while it does not answer."""
        if self._address is None:
            found = re.search(r"http://127\.0\.0\.1:\d+(?=/metrics)", self.errors.read_text(encoding="utf-8", errors="replace"))
            if found is None:
                return None, "it has not said where its metrics are"
            self._address = found.group(0)
        try:
            with urllib.request.urlopen(f"{self._address}{path}", timeout=1) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return None, str(error)

    def metrics(self):
        """Its metrics page, a sum over the labels for each name. None while it cannot be had."""
        status, text = self.get("/metrics")
        return parse_metrics(text) if status == 200 else None

    def produced(self):
        """Messages that Kafka has acknowledged to this process; 0 while the page cannot be had."""
        return (self.metrics() or {}).get("bridge_kafka_messages_produced_total", 0)


class Watch:
    """Samples a bridge (or one after the other) while a campaign goes on: when it made progress, and its memory.

    Progress is a message delivered that was not before: acknowledged, and its transaction committed.
    """

    def __init__(self, bridge):
        self.bridge = bridge
        self.progress = []
        self.memory = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def longest_pause(self, begin, end):
        """The longest time without progress between two instants of the monotonic clock, in seconds."""
        instants = [begin, *(instant for instant in self.progress if begin < instant < end), end]
        return max(later - earlier for earlier, later in zip(instants, instants[1:]))

    def pauses(self, instants):
        """For each instant the seconds until progress was made again. An instant with none behind it is left out."""
        return [next(later for later in self.progress if later > instant) - instant
                for instant in instants if self.resumed(instant)]

    def resumed(self, since):
        """Whether progress was made after that instant."""
        return bool(self.progress) and self.progress[-1] > since

    def memory_between(self, begin, end):
        return [size for instant, size in self.memory if begin <= instant <= end]

    def _sample(self):
        highest = 0
        while not self._stop.wait(POLL_SECONDS):
            bridge = self.bridge
            delivered, now = (bridge.metrics() or {}).get("bridge_delivered_seq", 0), time.monotonic()
            if delivered > highest:
                highest = delivered
                self.progress.append(now)
            self.memory.append((now, bridge.anonymous_bytes()))


def parse_metrics(text):
    """The text format of Prometheus: samples, summed over their labels."""
    sums = {}
    for line in text.splitlines():
        found = re.match(r"([a-zA-Z_:][\w:]*)(?:\{.*\})? (\S+)", line)
        if found:
            with contextlib.suppress(ValueError):
                sums[found.group(1)] = sums.get(found.group(1), 0) + float(found.group(2))
    return sums


def megabytes(size):
    return f"{size / 1e6:.0f} MB"


def fail(text):
    sys.exit(f"FAILED: {text}")
