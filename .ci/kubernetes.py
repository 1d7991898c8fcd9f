#!/usr/bin/env python3
"""The Jobs of deploy/kubernetes: what they state, and what they do when they run.

Checks the rendered files against the API's schemas, what every pod must state, and the exit codes against docs/reference/exit-codes.md. Then runs
them as the Job controller would, with kills, on a small dataset, and compares the result with that of one process.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "deploy" / "kubernetes"
JOBS = ("record", "seal", "verify", "publish")
# of the API whose schemas are used: Jobs have all that we use since 1.33
VERSION = "1.37.0"
# No Job retries these: another attempt of the same command gives the same.
FINAL = {2, 3, 65, 73, 78}
DATASET = {"ROOT": "/lake/q1", "DATES": "2026-02-17..2026-02-18", "SEEDS": "1..2", "PARTS": "4", "RATE": "5", "WORKERS": "3"}
# Two cores.
PROCESSES = 2
# Before a failed index runs again. The real controller begins with 10 s and doubles.
BACK_OFF_SECONDS = 0.2
TIMEOUT_SECONDS = 300
# Makes the root of a pod from what the program needs of this machine, and becomes its process.
POD = """
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$POD_ROOT"
mkdir "$POD_ROOT/usr" "$POD_ROOT/lake" "$POD_ROOT/bin"
ln -s usr/lib "$POD_ROOT/lib"
ln -s usr/lib64 "$POD_ROOT/lib64"
touch "$POD_ROOT/bin/tradesim"
mount --bind /usr "$POD_ROOT/usr"
mount -o remount,bind,ro "$POD_ROOT/usr"
mount --bind "$POD_PROGRAM" "$POD_ROOT/bin/tradesim"
mount --bind "$POD_LAKE" "$POD_ROOT/lake"
[ "$POD_LAKE_READ_ONLY" = 0 ] || mount -o remount,bind,ro "$POD_ROOT/lake"
mount -o remount,ro "$POD_ROOT"
exec chroot --userspec="$POD_USER" "$POD_ROOT" /usr/bin/env -i "$@"
"""


def require(condition, text):
    if not condition:
        sys.exit(f"kubernetes: {text}")


def rendered(name):
    """Returns the objects of a folder, as `kubectl apply -k` sends them."""
    folder = FOLDER / name
    if shutil.which("kubectl"):
        text = subprocess.run(["kubectl", "kustomize", folder], check=True, capture_output=True, text=True).stdout
        return list(yaml.safe_load_all(text))
    return list(without_kubectl(folder, yaml.safe_load((folder / "kustomization.yaml").read_text())))


def without_kubectl(folder, kustomization):
    """Renders what our files use of kustomize."""
    objects = []
    for resource in kustomization.get("resources", []):
        path = folder / resource
        if path.is_dir():
            objects += without_kubectl(path, yaml.safe_load((path / "kustomization.yaml").read_text()))
        else:
            objects += yaml.safe_load_all(path.read_text())
    for generator in kustomization.get("configMapGenerator", []):
        data = dict(line.split("=", 1) for file in generator["envs"] for line in (folder / file).read_text().splitlines() if line)
        objects.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": generator["name"]}, "data": data})
    images = {image["name"]: f"{image['newName']}:{image['newTag']}" for image in kustomization.get("images", [])}
    for thing in objects:
        if "namespace" in kustomization:
            thing["metadata"]["namespace"] = kustomization["namespace"]
        if thing["kind"] == "Job":
            for container in thing["spec"]["template"]["spec"]["containers"]:
                container["image"] = images.get(container["image"], container["image"])
            for replacement in kustomization.get("replacements", []):
                name = replacement["source"]["fieldPath"].removeprefix("data.")
                workers = next(int(other["data"][name]) for other in objects if name in other.get("data", {}))
                thing["spec"].update(completions=workers, parallelism=workers)
    return objects


def without_hashes(objects):
    """Returns the objects by kind and name, without the hashes that kustomize appends to the names of ConfigMaps."""
    text = json.dumps(objects)
    text = re.sub(r'"(tradesim-(?:dataset|delivery))-[a-z0-9]{10}"', r'"\1"', text)
    return {(thing["kind"], thing["metadata"]["name"]): thing for thing in json.loads(text)}


def both_renderers_agree(name):
    folder = FOLDER / name
    ours = without_kubectl(folder, yaml.safe_load((folder / "kustomization.yaml").read_text()))
    require(without_hashes(rendered(name)) == without_hashes(ours), f"{name}: our own renderer gives another result than kubectl")


def valid(thing):
    """Holds an object against the schema of its kind; fields that the API does not have are refused."""
    try:
        kubernetes_validate.validate(thing, VERSION, strict=True)
    except kubernetes_validate.ValidationError as error:
        sys.exit(f"kubernetes: {thing['kind']} {thing['metadata']['name']}: {error.message}")


def refuses_a_misspelt_field():
    job = next(thing for thing in rendered("record") if thing["kind"] == "Job")
    job["spec"]["backoffLimitPerIndx"] = job["spec"].pop("backoffLimitPerIndex")
    try:
        kubernetes_validate.validate(job, VERSION, strict=True)
    except kubernetes_validate.ValidationError:
        return
    sys.exit("kubernetes: a misspelt field passed the schemas, so they check nothing")


def restricted(job):
    """What `pod-security.kubernetes.io/enforce: restricted` demands, and what we demand beyond it."""
    name = job["metadata"]["name"]
    pod = job["spec"]["template"]["spec"]
    security = pod["securityContext"]
    require(security["runAsNonRoot"] and security["runAsUser"] > 0, f"{name} runs as root")
    require(security["seccompProfile"]["type"] == "RuntimeDefault", f"{name} has no seccomp profile")
    require(pod["automountServiceAccountToken"] is False, f"{name} has a token of the API that it does not need")
    require(pod["restartPolicy"] == "Never", f"{name}: a failure policy needs restartPolicy: Never")
    user = re.search(r"^USER (\d+)$", (ROOT / "compose" / "Dockerfile").read_text(), re.M)
    require(security["runAsUser"] == int(user[1]), f"{name} runs as {security['runAsUser']}, the image as {user[1]}")
    for container in pod["containers"]:
        own = container["securityContext"]
        require(own["readOnlyRootFilesystem"] and own["allowPrivilegeEscalation"] is False, f"{name} may write its root or gain privileges")
        require(own["capabilities"] == {"drop": ["ALL"]}, f"{name} keeps capabilities")
        require(set(container["resources"]["requests"]) == {"cpu", "memory"}, f"{name} requests no processor or memory")
        require("memory" in container["resources"]["limits"], f"{name} has no limit of memory")


def exit_codes(job):
    """Every code of the reference is final for a Job, or one that another attempt may end."""
    table = (ROOT / "docs" / "reference" / "exit-codes.md").read_text()
    known = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.M)}
    named = set()
    for rule in job["spec"]["podFailurePolicy"]["rules"]:
        if "onExitCodes" in rule:
            require(rule["onExitCodes"]["operator"] == "In", "the rules name exit codes")
            named |= set(rule["onExitCodes"]["values"])
    require(named <= known, f"{job['metadata']['name']}: exit codes {sorted(named - known)} are not in docs/reference/exit-codes.md")
    require(named == FINAL, f"{job['metadata']['name']}: final are {sorted(named)}, expected {sorted(FINAL)}")


def share_is_of_all(job, objects):
    """The number of workers in `--shard` is the number of indexes."""
    if job["spec"].get("completionMode") != "Indexed":
        return
    (container,) = job["spec"]["template"]["spec"]["containers"]
    data = {name: value for thing in objects for name, value in thing.get("data", {}).items()}
    shares = [expand(argument, data | {"JOB_COMPLETION_INDEX": "0"}) for argument in container["args"] if argument.startswith("--shard=")]
    require(shares == [f"--shard=0/{job['spec']['completions']}"], f"{job['metadata']['name']}: {shares} of {job['spec']['completions']} indexes")


class Pods:
    """Runs the containers of a Job as processes."""

    def __init__(self, program, work):
        self.work = work
        self.lake = work / "lake"
        self.lake.mkdir()
        # readable by the user of the Jobs, wherever the checkout is
        self.program = work / "tradesim"
        shutil.copy(program, self.program)
        for path, mode in ((work, 0o711), (self.program, 0o755)):
            path.chmod(mode)
        (work / "root").mkdir()
        self.confined = self.try_confined()
        if not self.confined:
            print("\n*** not confined: this machine cannot make mount and network namespaces. Jobs run with the network, as this user. ***\n")

    def try_confined(self):
        if os.geteuid() != 0 or not shutil.which("unshare"):
            return False
        os.chown(self.lake, 10001, 10001)
        done = subprocess.run(self.command(["--version"], {}, "10001:10001", False), env=self.settings("10001:10001", False),
                              capture_output=True, timeout=TIMEOUT_SECONDS)
        return done.returncode == 0

    def settings(self, user, read_only):
        return {"PATH": os.environ["PATH"], "POD_ROOT": str(self.work / "root"), "POD_PROGRAM": str(self.program),
                "POD_LAKE": str(self.lake), "POD_USER": user, "POD_LAKE_READ_ONLY": "1" if read_only else "0"}

    def command(self, arguments, env, user, read_only):
        return ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", POD, "pod",
                *(f"{name}={value}" for name, value in env.items()), "/bin/tradesim", *arguments]

    def start(self, job, data, index):
        pod = job["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        env = {}
        for source in container["envFrom"]:
            env |= data[re.sub(r"-[a-z0-9]{10}$", "", source["configMapRef"]["name"])]
        if job["spec"].get("completionMode") == "Indexed":
            env["JOB_COMPLETION_INDEX"] = str(index)
        (mount,) = container["volumeMounts"]
        arguments = [expand(argument, env) for argument in container["args"]]
        log = open(self.work / f"{job['metadata']['name']}.{index}.log", "ab")
        if self.confined:
            security = pod["securityContext"]
            user = f"{security['runAsUser']}:{security['runAsGroup']}"
            read_only = mount.get("readOnly", False)
            return subprocess.Popen(self.command(arguments, env, user, read_only), env=self.settings(user, read_only),
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        lake = [re.sub(f"^{mount['mountPath']}/", f"{self.lake}/", argument) for argument in arguments]
        return subprocess.Popen([self.program, *lake], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def log(self, job, index):
        return (self.work / f"{job}.{index}.log").read_text()


def expand(text, env):
    """Replaces $(NAME) as the kubelet does: a name that is unknown stays."""
    return re.sub(r"\$\((\w+)\)", lambda match: env.get(match[1], match[0]), text)


def decide(job, code):
    """Returns the action of the failure policy for an exit code."""
    for rule in job["spec"]["podFailurePolicy"]["rules"]:
        if code in rule.get("onExitCodes", {}).get("values", ()):
            return rule["action"]
    return "Count"


def run(pods, name, dataset, kill=()):
    """Runs a Job as its controller does. Returns (condition, failed indexes, starts of each index).

    The first process of each index in `kill` is killed with SIGKILL as soon as it has written something.
    """
    objects = rendered(name)
    job = next(thing for thing in objects if thing["kind"] == "Job")
    data = {re.sub(r"-[a-z0-9]{10}$", "", thing["metadata"]["name"]): thing["data"] for thing in objects if thing["kind"] == "ConfigMap"}
    data["tradesim-dataset"] = dataset
    indexed = job["spec"].get("completionMode") == "Indexed"
    count = int(dataset["WORKERS"]) if indexed else 1
    retries = job["spec"]["backoffLimitPerIndex" if indexed else "backoffLimit"]
    waiting, running, failed = [(0.0, index) for index in range(count)], {}, set()
    starts, kill = [0] * count, set(kill)
    end = time.monotonic() + TIMEOUT_SECONDS
    while waiting or running:
        require(time.monotonic() < end, f"{name} does not end")
        due = [entry for entry in waiting if entry[0] <= time.monotonic()]
        for entry in due[: PROCESSES - len(running)]:
            waiting.remove(entry)
            starts[entry[1]] += 1
            running[entry[1]] = pods.start(job, data, entry[1])
        for index, process in list(running.items()):
            if index in kill and list(pods.lake.glob("**/*.partial")):
                kill.discard(index)
                process.send_signal(signal.SIGKILL)
            code = process.poll()
            if code is None:
                continue
            del running[index]
            code = 128 - code if code < 0 else code
            if code == 0:
                continue
            action = decide(job, code)
            print(f"  {name} {index}: exit code {code}, {action}")
            if action == "FailJob":
                for other in running.values():
                    other.terminate()
                    other.wait()
                return "Failed", failed | {index}, starts
            if action == "FailIndex" or starts[index] > retries:
                failed.add(index)
            else:
                waiting.append((time.monotonic() + BACK_OFF_SECONDS, index))
        time.sleep(0.002)
    require(not kill, f"{name}: indexes {kill} ended before they were killed")
    return ("Failed" if failed else "Complete"), failed, starts


def tree(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def jobs_run(program, work):
    pods = Pods(program, work)
    root = pods.lake / "q1"

    print("record, where a worker is killed")
    condition, _, starts = run(pods, "record", DATASET, kill={1})
    require(condition == "Complete" and starts == [1, 2, 1], f"record: {condition}, starts {starts}: {pods.log('tradesim-record', 1)}")
    print("seal, and verify with a lake that is read-only")
    condition, _, starts = run(pods, "seal", DATASET)
    require(condition == "Complete" and starts == [1], f"seal: {condition}: {pods.log('tradesim-seal', 0)}")
    condition, _, _ = run(pods, "verify", DATASET)
    require(condition == "Complete", f"verify: {condition}: {pods.log('tradesim-verify', 0)}")

    print("the same dataset by one process")
    one = work / "one"
    options = [f"--{name.lower()}={DATASET[name]}" for name in ("DATES", "SEEDS", "PARTS", "RATE")]
    subprocess.run([program, "dataset", "record", one, "--no-env", *options], check=True, capture_output=True)
    subprocess.run([program, "dataset", "seal", one, "--no-env"], check=True, capture_output=True)
    require(tree(root) == tree(one), "the Jobs made other files than one process")
    units = json.loads((root / "_tradesim" / "manifest.json").read_text())["units"]
    require(len(units) == 16, f"{len(units)} units, expected 16")

    print("a holiday, another dataset in the folder, and a damaged file")
    condition, _, starts = run(pods, "record", DATASET | {"ROOT": "/lake/holiday", "DATES": "2026-04-03"})
    require(condition == "Failed" and max(starts) == 1, f"a holiday: {condition}, starts {starts}")
    require("2026-04-03 is" in "".join(pods.log("tradesim-record", index) for index in range(3)), "the date of the holiday is not named")
    condition, _, starts = run(pods, "record", DATASET | {"RATE": "6"})
    require(condition == "Failed" and max(starts) == 1, f"another dataset: {condition}, starts {starts}")
    damaged = root / units[4]["file"]
    content = bytearray(damaged.read_bytes())
    content[len(content) // 3] ^= 1
    damaged.write_bytes(content)
    condition, failed, starts = run(pods, "verify", DATASET)
    # unit 4 belongs to worker 1 of 3; the others verify theirs nevertheless, and nothing is tried twice
    require(condition == "Failed" and failed == {1} and starts == [1, 1, 1], f"a damaged file: {condition}, {failed}, starts {starts}")
    require(damaged.name in pods.log("tradesim-verify", 1), "the damaged file is not named")


def publish_is_understood(program, work):
    """Runs the first worker of `publish` on a folder that does not exist: the program refuses the folder, not the options."""
    if subprocess.run([program, "publish", "--help"], capture_output=True).returncode != 0:
        print("\n*** skipped: this program has no command `publish`, so the options of its Job were not tried. ***\n")
        return
    pods = Pods(program, work)
    condition, _, starts = run(pods, "publish", DATASET | {"ROOT": "/lake/none", "WORKERS": "1"})
    said = pods.log("tradesim-publish", 0)
    require(condition == "Failed" and not re.search("Usage:|unexpected argument|invalid value", said) and "/lake/none" in said, f"publish: {condition}, starts {starts}: {said}")


def main():
    program = Path(sys.argv[1]).resolve()
    if not shutil.which("kubectl"):
        print("\n*** no kubectl: a renderer of our own takes the place of `kubectl kustomize` ***\n")
    count = 0
    for name in ("place", *JOBS):
        both_renderers_agree(name)
        for thing in rendered(name):
            valid(thing)
            count += 1
            if thing["kind"] == "Job":
                require(thing["metadata"]["namespace"] == "tradesim", f"{name} is in another namespace")
                restricted(thing)
                exit_codes(thing)
                share_is_of_all(thing, rendered(name))
    refuses_a_misspelt_field()
    print(f"{count} objects have the schemas of Kubernetes {VERSION}")
    with tempfile.TemporaryDirectory(prefix="tradesim-kubernetes-") as work:
        jobs_run(program, Path(work))
    with tempfile.TemporaryDirectory(prefix="tradesim-kubernetes-") as work:
        publish_is_understood(program, Path(work))
    print("kubernetes: the Jobs made, sealed and verified the dataset of one process")


if __name__ == "__main__":
    main()
