#!/usr/bin/env python3
"""What the compose files have to agree with: the contract, the native cluster, and the metrics of the programs.

Takes the file as `docker-compose config` resolves it. Starts a replay and a bridge (to no cluster: it waits, and tells its
metrics all the same), both on free ports of 127.0.0.1, to see which metrics there are.
"""

import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = ROOT / "compose"
TRADESIM = ROOT / "target" / "release" / "tradesim"
# contract, sections 4 to 6; Prometheus and Grafana are ours
PORTS = {"kafka-1": 9092, "kafka-2": 9093, "kafka-3": 9094, "schema-registry": 8081, "console": 8080, "replay": 8765,
         "bridge": 9090, "prometheus": 9091, "grafana": 3000}
# what may differ between containers and processes
OF_THE_PLACE = {"node.id", "process.roles", "controller.quorum.voters", "listeners", "advertised.listeners", "log.dirs",
                "controller.listener.names", "inter.broker.listener.name", "listener.security.protocol.map", "heap.opts"}
# a smaller memory, fewer internal partitions and fewer threads, as all of it shares a laptop
ONLY_NATIVE = {"log.cleaner.dedupe.buffer.size", "offsets.topic.num.partitions", "transaction.state.log.num.partitions",
               "num.network.threads", "num.io.threads"}


def require(condition, text):
    if not condition:
        sys.exit(f"compose: {text}")


def ports(services):
    for name, service in services.items():
        for published in service.get("ports", []):
            require(str(published).startswith("127.0.0.1:"), f"{name} is reached from other machines: {published}")
            require(int(str(published).split(":")[1]) == PORTS.get(name), f"{name} is on {published}, expected {PORTS.get(name)}")
    missing = [name for name in PORTS if not services[name].get("ports")]
    require(not missing, f"not published: {missing}")


def start_order(services):
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                require("healthcheck" in services[other], f"{name} waits for the health of {other}, which has no check")
            if how["condition"] == "service_completed_successfully":
                require(services[other].get("restart") == "no", f"{name} waits for the end of {other}, which restarts")
    for name, service in services.items():
        require(re.search(r":[\w.-]*\d|tradesim:local$", service["image"]), f"{name}: {service['image']} names no version")


def broker_settings(services):
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(COMPOSE / "native"))
    from nodes import Cluster
    native = dict(line.split("=", 1) for line in Cluster(0).brokers[0].properties().splitlines())
    native = {name: value for name, value in native.items() if name not in OF_THE_PLACE | ONLY_NATIVE}
    for number in (1, 2, 3):
        environment = services[f"kafka-{number}"]["environment"]
        require(environment["KAFKA_NODE_ID"] == str(number), f"kafka-{number} is {environment['KAFKA_NODE_ID']}")
        own = {name[6:].lower().replace("_", "."): value for name, value in environment.items() if name.startswith("KAFKA_")}
        own = {name: value for name, value in own.items() if name not in OF_THE_PLACE}
        require(own == native, f"kafka-{number} and the native cluster differ: {sorted(set(own.items()) ^ set(native.items()))}")
        require(f"HOST://localhost:{9091 + number}" in environment["KAFKA_ADVERTISED_LISTENERS"], f"kafka-{number} is not found")


def image():
    channel = re.search(r'channel = "(\d+\.\d+)', (ROOT / "rust-toolchain.toml").read_text()).group(1)
    dockerfile = (COMPOSE / "Dockerfile").read_text()
    require(f"FROM rust:{channel}-" in dockerfile, f"the image is not built by Rust {channel}")
    require(re.search(r"^USER (?!0|root)", dockerfile, re.M), "the image runs as root")
    features = re.search(r"^RELEASE_FEATURES='(.+)'", (ROOT / ".ci" / "release-features").read_text(), re.M).group(1)
    require(f"--features {features}\n" in dockerfile, f"the image is not built with the features {features}")


def metrics():
    """Families that the programs tell of, by their pages; histograms with what they are queried by."""
    commands = [
        [TRADESIM, "replay", ROOT / "fixtures" / "minute.parquet", "--port", "0", "--start-paused", "--no-env"],
        [TRADESIM, "bridge", "--no-env", "--bootstrap-servers", "127.0.0.1:1", "--schema-registry-url", "http://127.0.0.1:1",
         "--ws-uri", "ws://127.0.0.1:1", "--metrics-port", "0"],
    ]
    children = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                for command in commands]
    try:
        return set().union(*(families(page(address_of(child))) for child in children))
    finally:
        for child in children:
            child.kill()
            child.wait()


def families(text):
    names = {"up"}
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M):
        names |= {"counter": {f"{name}_total"}, "info": {f"{name}_info"}, "gauge": {name},
                  "histogram": {f"{name}_bucket", f"{name}_sum", f"{name}_count"}}[kind]
    return names


def address_of(child):
    """Where it says that it listens; a program that ends without saying so ends the loop."""
    for line in child.stderr:
        found = re.search(r"(?:ws|http)://(127\.0\.0\.1:[1-9]\d*)", line)
        # the bridge names its feed as well, on a port on which nobody is
        if found and not found.group(1).endswith(":1"):
            return found.group(1)
    sys.exit(f"compose: {child.args[1]} does not say where it listens")


def page(address):
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        return answer.read().decode()


def queries():
    dashboard = json.loads((COMPOSE / "grafana" / "dashboards" / "bridge.json").read_text())
    ids = [panel["id"] for panel in dashboard["panels"]]
    require(len(set(ids)) == len(ids), "two panels have one id")
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield f"panel {panel['title']!r}", target["expr"]
    rules = yaml.safe_load((COMPOSE / "prometheus" / "rules.yaml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            yield f"alert {rule['alert']}", rule["expr"]


def main():
    services = yaml.safe_load(Path(sys.argv[1]).read_text())["services"]
    ports(services)
    start_order(services)
    broker_settings(services)
    image()
    known = metrics()
    count = 0
    for place, expression in queries():
        names = set(re.findall(r"\b(?:bridge|tradesim)_\w+", expression))
        require(names or "up{" in expression, f"{place} asks for nothing")
        require(names <= known, f"{place} asks for {sorted(names - known)}, which no program tells of")
        count += 1
    print(f"compose: {len(services)} services, {count} queries of dashboard and alerts")


main()
