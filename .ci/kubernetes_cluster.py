#!/usr/bin/env python3
"""The Jobs of deploy/kubernetes under a real API server and the real Job controller.

CONTROL_PLANE is etcd, kube-apiserver and the controllers of Jobs and of service accounts in one program (.ci/control-plane). They listen on free
ports of 127.0.0.1, and their data is in a temporary folder. What is not real is what a node does: `Node` binds each pod, runs its container as a
process, confined as its pod demands, and reports the exit code. Everything that decides about retries, indexes and failures is Kubernetes itself.
"""

import base64
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.dont_write_bytecode = True

import kubernetes as files  # noqa: E402 the file beside this one
from kubernetes import DATASET, require, tree  # noqa: E402

NAMESPACE = "tradesim"
TOKEN = "tradesim"
START_SECONDS_MAX = 120
JOB_SECONDS_MAX = 300
POLL_SECONDS = 0.1
# Two cores.
PROCESSES = 2


class Refused(Exception):
    """An answer of the API server that is an error."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Cluster:
    """The processes of the control plane, and requests to its API."""

    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.children = []
        self.etcd, self.peer, self.port = (free_port() for _ in range(3))
        self.url = f"https://127.0.0.1:{self.port}"
        self.ssl = None

    def __enter__(self):
        key = self.folder / "account.key"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        (self.folder / "tokens.csv").write_text(f'{TOKEN},tradesim,tradesim,"system:masters"\n')
        etcd = f"http://127.0.0.1:{self.etcd}"
        self.start("etcd", f"--data-dir={self.folder / 'etcd'}", f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}",
                   f"--listen-peer-urls=http://127.0.0.1:{self.peer}", f"--initial-advertise-peer-urls=http://127.0.0.1:{self.peer}",
                   f"--initial-cluster=default=http://127.0.0.1:{self.peer}", "--unsafe-no-fsync")
        certificates = self.folder / "certificates"
        self.start("kube-apiserver", f"--etcd-servers={etcd}", "--bind-address=127.0.0.1",
                   f"--secure-port={self.port}", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
                   f"--cert-dir={certificates}", f"--token-auth-file={self.folder / 'tokens.csv'}", "--authorization-mode=RBAC",
                   "--anonymous-auth=false", "--service-cluster-ip-range=10.0.0.0/24", "--service-account-issuer=https://tradesim.invalid",
                   f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}")
        self.wait(lambda: (certificates / "apiserver.crt").exists(), "the certificate of the API server")
        self.ssl = ssl.create_default_context(cafile=certificates / "apiserver.crt")
        self.wait(self.ready, "the API server")
        self.start("controllers", self.kubeconfig(certificates / "apiserver.crt"))
        return self

    def __exit__(self, *_):
        for child in reversed(self.children):
            child.kill()
            child.wait()

    def start(self, name, *flags):
        with open(self.folder / f"{name}.log", "wb") as log:
            self.children.append(subprocess.Popen([self.program, name, *flags], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                  cwd=self.folder))

    def kubeconfig(self, certificate):
        encoded = base64.b64encode(certificate.read_bytes()).decode()
        path = self.folder / "kubeconfig"
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "tradesim",
            "clusters": [{"name": "tradesim", "cluster": {"server": self.url, "certificate-authority-data": encoded}}],
            "users": [{"name": "tradesim", "user": {"token": TOKEN}}],
            "contexts": [{"name": "tradesim", "context": {"cluster": "tradesim", "user": "tradesim"}}],
        }))
        return path

    def wait(self, condition, what):
        end = time.monotonic() + START_SECONDS_MAX
        while not condition():
            for child in self.children:
                require(child.poll() is None, f"{child.args[1]} ended with {child.returncode}: {self.last_lines(child.args[1])}")
            require(time.monotonic() < end, f"not after {START_SECONDS_MAX} s: {what}")
            time.sleep(POLL_SECONDS)

    def last_lines(self, name):
        return "\n".join((self.folder / f"{name}.log").read_text(errors="replace").splitlines()[-15:])

    def ready(self):
        try:
            return self.send("GET", "/readyz", parse=False) == b"ok"
        except (Refused, OSError):
            return False

    def send(self, method, path, body=None, kind="application/json", parse=True):
        """Sends a request, and returns the object in the answer."""
        request = urllib.request.Request(self.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
                                         headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": kind, "Accept": "application/json"})
        try:
            with urllib.request.urlopen(request, context=self.ssl, timeout=30) as answer:
                content = answer.read()
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            with contextlib.suppress(ValueError):
                text = json.loads(text).get("message", text)
            raise Refused(error.code, text) from None
        return json.loads(content) if parse else content

    def create(self, thing):
        """Creates an object as `kubectl apply` does it: fields that its kind does not have are refused."""
        return self.send("POST", collection(thing) + "?fieldValidation=Strict", thing)

    def job(self, name):
        return self.send("GET", f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs/{name}")

    def pods(self):
        return self.send("GET", f"/api/v1/namespaces/{NAMESPACE}/pods")["items"]


class Node:
    """Scheduler, kubelet and container runtime: runs the container of each pod as a process, and reports how it ended."""

    def __init__(self, cluster, pods):
        self.cluster = cluster
        self.runtime = pods
        self.running = {}
        self.known = set()
        # of the pods whose first process is killed once it has written something: (Job, index)
        self.kill = set()
        self.failure = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def close(self):
        self.stopping.set()
        self.thread.join()
        for _, process in self.running.values():
            process.kill()

    def work(self):
        try:
            while not self.stopping.is_set():
                self.step()
                time.sleep(POLL_SECONDS / 2)
        except Exception as error:  # noqa: BLE001 whatever it is, the script must not wait for pods that nobody runs
            self.failure = error

    def step(self):
        for pod in self.cluster.pods():
            uid, name = pod["metadata"]["uid"], pod["metadata"]["name"]
            if pod["status"]["phase"] == "Pending" and uid not in self.known and len(self.running) < PROCESSES:
                if "deletionTimestamp" not in pod["metadata"]:
                    self.known.add(uid)
                    self.start(pod)
            if "deletionTimestamp" in pod["metadata"]:
                self.end(uid, name)
        for uid, (pod, process) in list(self.running.items()):
            if worker(pod) in self.kill and list(self.runtime.lake.glob("**/*.partial")):
                self.kill.discard(worker(pod))
                process.send_signal(signal.SIGKILL)
            code = process.poll()
            if code is not None:
                del self.running[uid]
                self.report(pod["metadata"]["name"], 128 - code if code < 0 else code)

    def start(self, pod):
        name, spec = pod["metadata"]["name"], pod["spec"]
        target = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": {"kind": "Node", "name": "node"}}
        self.cluster.send("POST", f"/api/v1/namespaces/{NAMESPACE}/pods/{name}/binding", target)
        (container,) = spec["containers"]
        data = {}
        for source in container["envFrom"]:
            config = self.cluster.send("GET", f"/api/v1/namespaces/{NAMESPACE}/configmaps/{source['configMapRef']['name']}")
            data[re.sub(r"-[a-z0-9]{10}$", "", config["metadata"]["name"])] = config["data"]
        job, index = worker(pod)
        # what the kubelet takes from the pod's annotation, the controller has set
        wanted = [variable["name"] for variable in container.get("env", []) if "valueFrom" in variable]
        if wanted != ([] if index is None else ["JOB_COMPLETION_INDEX"]):
            raise ValueError(f"{name} has the variables {wanted}")
        of = {"metadata": {"name": job}, "spec": {"completionMode": "Indexed" if index is not None else "NonIndexed", "template": {"spec": spec}}}
        self.running[pod["metadata"]["uid"]] = (pod, self.runtime.start(of, data, 0 if index is None else index))
        self.status(name, "Running", {"running": {"startedAt": now()}})

    def end(self, uid, name):
        """Ends a pod that is deleted: its process, its status and the object."""
        if uid in self.running:
            _, process = self.running.pop(uid)
            process.terminate()
            code = process.wait(30)
            self.report(name, 128 - code if code < 0 else code)
        with contextlib.suppress(Refused):
            self.cluster.send("DELETE", f"/api/v1/namespaces/{NAMESPACE}/pods/{name}", {"gracePeriodSeconds": 0})

    def report(self, name, code):
        print(f"  {name}: exit code {code}", flush=True)
        ended = {"terminated": {"exitCode": code, "reason": "Completed" if code == 0 else "Error", "startedAt": now(), "finishedAt": now()}}
        self.status(name, "Succeeded" if code == 0 else "Failed", ended)

    def status(self, name, phase, state):
        container = {"name": "tradesim", "image": "tradesim", "imageID": "", "restartCount": 0, "ready": False, "state": state}
        with contextlib.suppress(Refused):
            self.cluster.send("PATCH", f"/api/v1/namespaces/{NAMESPACE}/pods/{name}/status",
                              {"status": {"phase": phase, "containerStatuses": [container]}}, "application/strategic-merge-patch+json")


def worker(pod):
    """Returns the Job of a pod and its index; None without indexes."""
    index = pod["metadata"].get("annotations", {}).get("batch.kubernetes.io/job-completion-index")
    return pod["metadata"]["labels"]["batch.kubernetes.io/job-name"], None if index is None else int(index)


def collection(thing):
    places = {
        "Namespace": "/api/v1/namespaces", "PersistentVolumeClaim": "/api/v1/namespaces/{}/persistentvolumeclaims",
        "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies", "ConfigMap": "/api/v1/namespaces/{}/configmaps",
        "Job": "/apis/batch/v1/namespaces/{}/jobs", "Service": "/api/v1/namespaces/{}/services", "Pod": "/api/v1/namespaces/{}/pods",
    }
    return places[thing["kind"]].format(thing["metadata"].get("namespace", NAMESPACE))


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def run(cluster, node, name, dataset, kill=None, delivery=()):
    """Applies a folder with these settings, waits for the end of its Job, and removes it. Returns (condition, its reason, status, pods)."""
    objects = files.rendered(name)
    job = next(thing for thing in objects if thing["kind"] == "Job")["metadata"]["name"]
    if kill is not None:
        node.kill.add((job, kill))
    for thing in objects:
        if thing["kind"] == "ConfigMap" and thing["metadata"]["name"].startswith("tradesim-dataset"):
            thing["data"] = dataset
        if thing["kind"] == "ConfigMap" and thing["metadata"]["name"].startswith("tradesim-delivery"):
            thing["data"].update(delivery)
        if thing["kind"] == "Job" and thing["spec"].get("completionMode") == "Indexed":
            workers = int(dataset["PARTS" if name == "publish" else "WORKERS"])
            thing["spec"].update(completions=workers, parallelism=workers)
    for thing in objects:
        cluster.create(thing)
    begin = time.monotonic()
    ended = []
    while not ended:
        require(node.failure is None, f"the node failed: {node.failure!r}")
        require(time.monotonic() - begin < JOB_SECONDS_MAX, f"{name} does not end: {cluster.job(job)['status']}\n{cluster.last_lines('controllers')}")
        time.sleep(POLL_SECONDS)
        status = cluster.job(job)["status"]
        ended = [condition for condition in status.get("conditions", []) if condition["type"] in ("Complete", "Failed")]
    pods = sorted(worker(pod)[1] or 0 for pod in cluster.pods() if worker(pod)[0] == job)
    print(f"  {job}: {ended[0]['type']}, {ended[0].get('reason')}, after {time.monotonic() - begin:.0f} s", flush=True)
    # without the controller that collects garbage the pods remain
    cluster.send("DELETE", f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs/{job}?propagationPolicy=Background")
    for thing in objects:
        if thing["kind"] in ("ConfigMap", "Service"):
            cluster.send("DELETE", f"{collection(thing)}/{thing['metadata']['name']}")
    while cluster.pods():
        require(time.monotonic() - begin < JOB_SECONDS_MAX, f"the pods of {name} do not go")
        for pod in cluster.pods():
            with contextlib.suppress(Refused):
                cluster.send("DELETE", f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}", {"gracePeriodSeconds": 0})
        time.sleep(POLL_SECONDS)
    require(not node.kill, f"{name}: {node.kill} ended before they were killed")
    return ended[0]["type"], ended[0].get("reason"), status, pods


def refused(cluster, thing, code, text):
    try:
        cluster.create(thing)
    except Refused as error:
        require(error.code == code and text in error.message, f"expected {code} with {text!r}, got {error}")
        return
    sys.exit(f"kubernetes: the API server accepts what it should refuse: {thing['kind']} {thing['metadata']['name']}")


def server_refuses(cluster):
    """Misspelt fields, and pods that are less restricted than the namespace demands."""
    misspelt = next(thing for thing in files.rendered("record") if thing["kind"] == "Job")
    misspelt["spec"]["backoffLimitPerIndx"] = misspelt["spec"].pop("backoffLimitPerIndex")
    refused(cluster, misspelt, 400, "backoffLimitPerIndx")
    spec = next(thing for thing in files.rendered("record") if thing["kind"] == "Job")["spec"]["template"]["spec"]
    spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "privileged", "namespace": NAMESPACE}, "spec": spec}
    refused(cluster, pod, 403, "violates PodSecurity")


def jobs_run(cluster, node, program, work):
    lake = node.runtime.lake
    root = lake / "q1"
    print("record, where a worker is killed")
    condition, _, status, pods = run(cluster, node, "record", DATASET, kill=1)
    found = (condition, status.get("succeeded"), status.get("failed"), status.get("completedIndexes"), pods)
    require(found == ("Complete", 3, 1, "0-2", [0, 1, 1, 2]), f"record: {found}")
    print("seal, and verify with a lake that is read-only")
    condition, _, status, _ = run(cluster, node, "seal", DATASET)
    require(condition == "Complete", f"seal: {status}")
    condition, _, status, pods = run(cluster, node, "verify", DATASET)
    require((condition, pods) == ("Complete", [0, 1, 2]), f"verify: {status}")

    one = work / "one"
    options = [f"--{name.lower()}={DATASET[name]}" for name in ("DATES", "SEEDS", "PARTS", "RATE")]
    subprocess.run([program, "dataset", "record", one, "--no-env", *options], check=True, capture_output=True)
    subprocess.run([program, "dataset", "seal", one, "--no-env"], check=True, capture_output=True)
    require(tree(root) == tree(one), "the Jobs made other files than one process")
    print("  the files are those of one process")

    print("a holiday, another dataset in the folder, an invalid speed, and a damaged file")
    for name, dataset, delivery in (
        ("record", DATASET | {"ROOT": "/lake/holiday", "DATES": "2026-04-03"}, {}),
        ("record", DATASET | {"RATE": "6"}, {}),
        ("publish", DATASET, {"SPEED": "fast"}),
    ):
        condition, reason, status, pods = run(cluster, node, name, dataset, delivery=delivery)
        require((condition, reason) == ("Failed", "PodFailurePolicy"), f"{name} {dataset} {delivery}: {status}")
        require(len(pods) == len(set(pods)), f"{name} {dataset} {delivery}: indexes {pods} were tried again")
    damaged = root / json.loads((root / "_tradesim" / "manifest.json").read_text())["units"][4]["file"]
    content = bytearray(damaged.read_bytes())
    content[len(content) // 3] ^= 1
    damaged.write_bytes(content)
    # unit 4 belongs to worker 1 of 3; the others verify theirs nevertheless, and nothing is tried twice
    condition, reason, status, pods = run(cluster, node, "verify", DATASET)
    found = (condition, reason, status.get("failedIndexes"), status.get("completedIndexes"), pods)
    require(found == ("Failed", "FailedIndexes", "1", "0,2", [0, 1, 2]), f"a damaged file: {found}")


def main():
    control_plane, program = (Path(argument).resolve() for argument in sys.argv[1:3])
    require(shutil.which("openssl"), "no openssl, which makes the key of the API server")
    with tempfile.TemporaryDirectory(prefix="tradesim-kubernetes-") as folder:
        work = Path(folder)
        pods = files.Pods(program, work)
        begin = time.monotonic()
        with Cluster(control_plane, work) as cluster:
            version = cluster.send("GET", "/version")["gitVersion"]
            print(f"Kubernetes {version}, ready after {time.monotonic() - begin:.1f} s", flush=True)
            for thing in files.rendered("place"):
                cluster.create(thing)
            cluster.wait(lambda: cluster.send("GET", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts")["items"], "the account of the namespace")
            server_refuses(cluster)
            node = Node(cluster, pods)
            try:
                jobs_run(cluster, node, program, work)
            finally:
                node.close()
    print(f"kubernetes: the Job controller of {version} made, sealed and verified the dataset of one process")


main()
