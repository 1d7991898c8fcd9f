"""What a cluster consists of: three brokers and a registry, their ports, files, commands, and when each of them is ready."""

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import metadata
import packages
from errors import ClusterError
from processes import Process
from security import USER, Security

HERE = Path(__file__).resolve().parent
BROKERS = (1, 2, 3)
# the contract's ports; a cluster of another offset stands beside
BROKER_PORT = 9091  # plus the broker's number
CONTROLLER_PORT = 19091  # plus the broker's number
REGISTRY_PORT = 8081
APICURIO_PORT = 18081
MANAGEMENT_PORT = 18091
# of a secure cluster, beside the plain ports
SECURE_BROKER_PORT = 29091  # plus the broker's number
SECURE_REGISTRY_PORT = 28081
HIGHEST_PORT = SECURE_BROKER_PORT + BROKERS[-1]
READY_SECONDS_MAX = 180
POLL_SECONDS = 0.2
MARKER = "cluster.json"
# a small heap: three brokers, a registry and what is tested have to fit a laptop
BROKER_HEAP = ("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC")
REGISTRY_HEAP = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class Cluster:
    """A folder with everything that one cluster keeps on this machine, and the nodes in it."""

    def __init__(self, offset, folder=None):
        self.offset = offset
        default = Path(tempfile.gettempdir()) / f"tradesim-cluster-{os.getuid()}-{offset}"
        self.folder = Path(folder).absolute() if folder else default
        self.security = Security(self.folder / "secure")
        self.brokers = [Broker(self, number) for number in BROKERS]
        self.registry = Registry(self)
        self.nodes = [*self.brokers, self.registry]

    def exists(self):
        return (self.folder / MARKER).exists()

    def create(self, secure):
        """Makes the folder, or takes the one that a cluster of ours made before. A secure cluster is one from its beginning: its
        users are in the storage that is formatted then.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ClusterError(f"{self.folder} cannot be made: {error}") from error
        if self.exists():
            made = json.loads((self.folder / MARKER).read_text(encoding="utf-8"))
            if made["offset"] != self.offset:
                raise ClusterError(f"{self.folder} belongs to the cluster of --offset {made['offset']}")
            if secure and not self.security.exists():
                raise ClusterError("the cluster was made without --secure: `cluster down` removes it")
            return
        # somebody else's folder would be removed by `down`
        if self.folder.stat().st_uid != os.getuid() or any(self.folder.iterdir()):
            raise ClusterError(f"{self.folder} exists and is not a cluster's: remove it, or give another by --data")
        if secure:
            self.security.create()
        identity = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        partial = self.folder / f"{MARKER}.partial"
        partial.write_text(json.dumps({"cluster_id": identity, "offset": self.offset}) + "\n", encoding="utf-8")
        os.rename(partial, self.folder / MARKER)

    def require(self):
        if not self.exists():
            raise ClusterError(f"no cluster in {self.folder}: `cluster up` makes one")

    def identity(self):
        return json.loads((self.folder / MARKER).read_text(encoding="utf-8"))["cluster_id"]

    def remove(self):
        """Removes the folder; only one that a cluster made."""
        if self.exists():
            shutil.rmtree(self.folder)

    def bootstrap_servers(self):
        return ",".join(broker.address() for broker in self.brokers)

    def secure_bootstrap_servers(self):
        return ",".join(f"127.0.0.1:{broker.secure_port}" for broker in self.brokers)

    def wait(self, nodes, ready, what):
        """Waits until `ready(node)` holds for all of them. A process that ends meanwhile ends the wait."""
        end = time.monotonic() + READY_SECONDS_MAX
        waiting = list(nodes)
        while waiting:
            waiting = [node for node in waiting if not ready(node)]
            for node in waiting:
                if node.process.state() == "down":
                    raise ClusterError(f"{node.title()} has ended:\n{node.last_lines(15)}")
            if waiting and time.monotonic() > end:
                names = ", ".join(node.title() for node in waiting)
                raise ClusterError(f"not {what} after {READY_SECONDS_MAX} s: {names}; `cluster logs` shows why")
            if waiting:
                time.sleep(POLL_SECONDS)


class Node:
    """What brokers and the registry have in common."""

    def __init__(self, cluster, name, port):
        self.cluster = cluster
        self.name = name
        self.port = port
        self.process = Process(cluster.folder / f"{name}.pid", cluster.folder / f"{name}.log")

    def last_lines(self, count):
        try:
            text = self.process.log_file.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return "(no log yet)"
        return "\n".join(text.splitlines()[-count:])

    def require_ports(self):
        """A port that somebody else holds would show as a node that ends at once, with the reason deep in a log."""
        for port in self.ports():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    raise ClusterError(f"{self.title()} needs port {port} of 127.0.0.1: {error.strerror}; "
                                       "--offset 1000 makes a cluster with other ports") from error


class Broker(Node):
    """A combined broker and controller."""

    def __init__(self, cluster, number):
        self.number = number
        self.controller_port = CONTROLLER_PORT + number + cluster.offset
        self.secure_port = SECURE_BROKER_PORT + number + cluster.offset
        super().__init__(cluster, str(number), BROKER_PORT + number + cluster.offset)
        self.properties_file = cluster.folder / f"{number}.properties"
        self.data = cluster.folder / f"{number}.data"

    def title(self):
        return f"broker {self.number}"

    def address(self):
        return f"127.0.0.1:{self.port}"

    def ports(self):
        secure = (self.secure_port,) if self.cluster.security.exists() else ()
        return self.port, self.controller_port, *secure

    def format(self):
        """Begins the formatting of the data folder, unless that is done. What it returns is to be waited for."""
        self.properties_file.write_text(self.properties(), encoding="utf-8")
        if (self.data / "meta.properties").exists():
            return None
        path, _ = packages.java()
        return subprocess.Popen(
            [path, "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *self._logging(),
             "-cp", packages.kafka_class_path(), "kafka.tools.StorageTool", "format",
             # in one word: an id can begin with a dash
             f"--cluster-id={self.cluster.identity()}", "-c", str(self.properties_file), *self._users()],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def start(self):
        self.require_ports()
        path, _ = packages.java()
        self.process.start([path, *BROKER_HEAP, *self._logging(), "-cp", packages.kafka_class_path(), "kafka.Kafka",
                            str(self.properties_file)])

    def ready(self):
        """It answers, and counts itself among the living."""
        said = metadata.ask(self.port)
        return said is not None and self.number in said.brokers

    def properties(self):
        """The contract's settings (section 6); the rest is Kafka's default, but for what three small brokers need: on two
        cores, threads that take turns cost more than they do (p50 of an acknowledgement at 5,000 messages a second: 40 ms with
        Kafka's own number of threads, 28 ms so).
        """
        voters = ",".join(f"{one.number}@127.0.0.1:{one.controller_port}" for one in self.cluster.brokers)
        listener = protocol = more = ""
        if self.cluster.security.exists():
            listener, protocol = f",SECURE://127.0.0.1:{self.secure_port}", ",SECURE:SASL_SSL"
            more = self._secure_properties()
        return f"""process.roles=broker,controller
node.id={self.number}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.controller_port}{listener}
advertised.listeners=PLAINTEXT://127.0.0.1:{self.port}{listener}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{protocol}
log.dirs={self.data}
auto.create.topics.enable=false
default.replication.factor=3
min.insync.replicas=2
num.partitions=12
log.retention.hours=168
log.segment.bytes=1073741824
message.max.bytes=1048576
offsets.topic.replication.factor=3
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
transaction.state.log.num.partitions=3
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=1
num.io.threads=2
{more}"""

    def _users(self):
        security = self.cluster.security
        if not security.exists():
            return ()
        return "--add-scram", f"SCRAM-SHA-512=[name={USER},password={security.password()}]"

    def _secure_properties(self):
        return f"""listener.name.secure.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.secure.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location={self.cluster.security.server}
"""

    @staticmethod
    def _logging():
        return (f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}",)


class Registry(Node):
    """Apicurio, with its Confluent API at the root of the port (relay.py). Schemas survive a kill."""

    def __init__(self, cluster):
        super().__init__(cluster, "registry", REGISTRY_PORT + cluster.offset)
        self.secure_port = SECURE_REGISTRY_PORT + cluster.offset

    def title(self):
        return "registry"

    def address(self):
        return f"http://127.0.0.1:{self.port}"

    def secure_address(self):
        return f"https://127.0.0.1:{self.secure_port}"

    def ports(self):
        offset = self.cluster.offset
        secure = (self.secure_port,) if self.cluster.security.exists() else ()
        return self.port, APICURIO_PORT + offset, MANAGEMENT_PORT + offset, *secure

    def start(self):
        self.require_ports()
        path, jar = packages.registry_start()
        port, apicurio_port, management_port, *_ = self.ports()
        security = self.cluster.security
        secure = ("--secure", self.secure_port, security.server, security.registry_auth_file) if security.exists() else ()
        self.process.start([
            sys.executable, str(HERE / "relay.py"), str(port), str(apicurio_port), *map(str, secure),
            path, *REGISTRY_HEAP,
            "-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={apicurio_port}",
            "-Dquarkus.management.host=127.0.0.1", f"-Dquarkus.management.port={management_port}",
            "-Dquarkus.http.access-log.enabled=false",
            "-Dapicurio.rules.global.compatibility=BACKWARD",
            f"-Dapicurio.datasource.url=jdbc:h2:file:{self.cluster.folder / 'registry.data' / 'schemas'}",
            "-jar", jar])

    def ready(self):
        try:
            with urllib.request.urlopen(f"{self.address()}/config", timeout=3) as answer:
                return json.load(answer).get("compatibilityLevel") == "BACKWARD"
        except (OSError, ValueError, urllib.error.URLError):
            return False
