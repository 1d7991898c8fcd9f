#!/usr/bin/env python3
"""Archives and datasets on object storage, against servers of the three services on this machine.

    object_storage.py TRADESIM NODE_FOLDER [NAME…]

TRADESIM is a program with the feature `cloud`; NODE_FOLDER contains azurite. With names, only these checks run.
"""

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config
from proxy import Gate, Proxy
from servers import AZURITE_KEY, azure, azure_environment, gcs, gcs_environment, s3, s3_environment

DATASET = ["--dates", "2026-11-27", "--seeds", "7..8", "--parts", "2", "--rate", "1", "--symbols", "6"]
DAY = "s3://tape/day/date=2026-02-18/seed=1/part-000-of-001.parquet"
PART = "date=2026-11-27/seed=7/part-001-of-002.parquet"
SECRETS = ["verysecret-s3", AZURITE_KEY]


class World:
    """The servers, the program, and a folder with what a local dataset is."""

    def __init__(self, tradesim, folder, ports):
        self.tradesim, self.folder, self.ports = tradesim, folder, ports
        self.environments = {
            "s3": s3_environment(ports["s3"]),
            "gs": gcs_environment(ports["gs"]),
            "az": azure_environment(ports["az"]),
        }
        self.lake = folder / "lake"

    def run(self, *arguments, env, code=0, stdin=None):
        """Runs the program, checks its exit code and that it shows no secret, and returns what it printed."""
        command = [self.tradesim, *map(str, arguments)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, stdin=stdin)
        shown = done.stdout + done.stderr
        for secret in SECRETS:
            assert secret not in shown, f"{arguments} shows a secret"
        assert done.returncode == code, f"{arguments}: exit code {done.returncode}, expected {code}\n{done.stderr[-2000:]}"
        return done

    def client(self, port=None):
        """An S3 client that shares nothing with the program."""
        return boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{port or self.ports['s3']}",
            aws_access_key_id="AKIATEST",
            aws_secret_access_key="verysecret-s3",
            region_name="us-east-1",
            config=Config(retries={"max_attempts": 1}),
        )

    def objects(self, prefix):
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket="tape", Prefix=prefix)
        return sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))

    @contextlib.contextmanager
    def proxied(self, **faults):
        """A proxy before the S3 server, and the environment of a program that uses it."""
        proxy = Proxy(self.ports["s3"])
        for name, value in faults.items():
            setattr(proxy, name, value)
        try:
            yield proxy, s3_environment(proxy.port)
        finally:
            proxy.close()


def a_dataset_is_the_same_everywhere(world):
    """Recorded, sealed, verified and digested in each service, with the digests of a local folder."""
    local = os.environ
    world.run("dataset", "record", world.lake, *DATASET, env=local)
    expected = world.run("dataset", "seal", world.lake, env=local).stdout
    day = ["--date", "2026-11-27", "--seed", "7"]
    digest = world.run("dataset", "digest", world.lake, *day, env=local).stdout
    for scheme, env in world.environments.items():
        root = f"{scheme}://tape/q1"
        world.run("dataset", "record", root, *DATASET, env=env)
        found = world.run("dataset", "seal", root, env=env).stdout
        assert found == expected, f"{scheme}: {found}"
        assert world.run("dataset", "seal", root, env=env).stdout == expected, "sealed twice"
        assert json.loads(world.run("dataset", "verify", root, "--recompute", "50%", "--json", env=env).stdout)["ok"]
        assert world.run("dataset", "digest", root, *day, env=env).stdout == digest, scheme
        again = world.run("dataset", "record", root, *DATASET, env=env)
        assert "recorded 0 of 4 units" in again.stderr, again.stderr
        other = [*DATASET[:2], "--seeds", "9", *DATASET[4:]]
        refused = world.run("dataset", "record", root, *other, env=env, code=73)
        assert f"{scheme}://tape/q1" in refused.stderr, refused.stderr
    names = world.objects("q1/")
    files = sorted(str(path.relative_to(world.lake)) for path in world.lake.rglob("*") if path.is_file())
    assert names == [f"q1/{name}" for name in files], names
    for name in files:
        stored = world.client().get_object(Bucket="tape", Key=f"q1/{name}")["Body"].read()
        assert stored == (world.lake / name).read_bytes(), name


def every_command_reads_objects(world):
    """info, cat, verify, diff, export, filter and replay of one object, compared with the file."""
    file = world.lake / PART
    local = os.environ
    for scheme, env in world.environments.items():
        url = f"{scheme}://tape/q1/{PART}"
        info = json.loads(world.run("info", url, "--json", env=env).stdout)
        expected = json.loads(world.run("info", file, "--json", env=local).stdout)
        assert info.pop("file") == url
        expected.pop("file")
        assert info == expected, scheme
        lines = world.run("cat", url, env=env).stdout
        assert lines == world.run("cat", file, env=local).stdout, scheme
        world.run("verify", url, "--against", file, env=env)
        world.run("diff", url, file, env=env)
        world.run("diff", url, world.lake / PART.replace("part-001", "part-000"), env=env, code=3)
        csv = world.folder / f"{scheme}.csv"
        world.run("export", url, "-o", csv, env=env)
        assert csv.stat().st_size > 1000
        cut = world.folder / f"{scheme}.parquet"
        world.run("filter", url, "--limit", "100", "-o", cut, env=env)
        assert lines.startswith(world.run("cat", cut, env=local).stdout)
        assert replayed(world, url, env) == expected["digest"], scheme
        refused = world.run("filter", url, "-o", url + ".cut", env=env, code=2)
        assert "dataset record" in refused.stderr


def a_load_reads_an_object(world):
    """A scenario whose archive is an object: the digest of what arrives is that of the file, and another object is noticed."""
    scenario = world.folder / "object.toml"
    expected = json.loads(world.run("info", world.lake / PART, "--json", env=os.environ).stdout)["digest"]
    for scheme, env in world.environments.items():
        text = f"""name = "object"
thresholds = ["lost == 0"]
[recording]
file = "{scheme}://tape/q1/{PART}"
digest = "{expected}"
[load]
speed = "max"
[target]
kind = "websocket"
"""
        scenario.write_text(text)
        report = json.loads(world.run("load", "run", scenario, "--json", env=env).stdout)
        assert report["digests"]["arrived"] == [expected], f"{scheme}: {report}"
        scenario.write_text(text.replace(PART, PART.replace("part-001", "part-000")))
        other = world.run("load", "run", scenario, env=env, code=3).stderr
        assert f"{scheme}://tape/q1/" in other and "the recording is not that of the scenario" in other, other
        scenario.write_text(text.replace(PART, "no-such.parquet"))
        assert f"{scheme}://tape/q1/no-such.parquet" in world.run("load", "run", scenario, env=env, code=1).stderr


def replayed(world, url, env):
    """The digest of what a client receives of a replay at full speed."""
    replay = subprocess.Popen(
        [world.tradesim, "replay", url, "--speed", "max", "--port", "0", "--wait-clients", "1", "--json"],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    port = None
    shown = []
    for line in replay.stderr:
        shown.append(line)
        if "ws://127.0.0.1:" in line:
            port = line.split("ws://127.0.0.1:", 1)[1].split("/")[0].split()[0].strip(".,;)")
            break
    assert port, shown
    threading.Thread(target=replay.stderr.read, daemon=True).start()
    tail = world.run("tail", f"ws://127.0.0.1:{port}", "--digest", "--json", env=env)
    replay.wait(60)
    return json.loads(tail.stdout)["digest"]


def errors_name_the_object(world):
    """Exit codes of what users do wrong, with the object or the bucket named."""
    for scheme, env in world.environments.items():
        url = f"{scheme}://tape/q1/no-such.parquet"
        assert url in world.run("info", url, env=env, code=1).stderr
        url = f"{scheme}://nobucket/day.parquet"
        assert url in world.run("info", url, env=env, code=1).stderr
        assert "nobucket" in world.run("dataset", "record", f"{scheme}://nobucket/q", *DATASET, env=env, code=73).stderr
        assert "nobucket" in world.run("dataset", "seal", f"{scheme}://nobucket/q", env=env, code=65).stderr
        bare = {name: value for name, value in env.items() if not name.startswith(("AWS_", "GOOGLE_", "AZURE_"))}
        missing = world.run("info", f"{scheme}://tape/q1/{PART}", env=bare, code=78).stderr
        assert f"{scheme}://tape/q1/{PART}" in missing and "no credentials" in missing, missing
    recipe = "s3://tape/q1/_tradesim/recipe.json"
    assert recipe in world.run("info", recipe, env=world.environments["s3"], code=65).stderr
    for url in ["s3://", "s3://tape//x", "az://tape/x?sig=verysecret-s3", "s3://tape", "s3://tape/"]:
        world.run("info", url, env=world.environments["s3"], code=2)
    day = world.lake / PART
    for arguments in [("export", day, "-o", "s3://tape/day.csv"), ("realism", day, "--report", "s3://tape/day.html")]:
        assert "dataset record" in world.run(*arguments, env=world.environments["s3"], code=2).stderr
    for scheme, name in [("s3", "AWS_ENDPOINT_URL"), ("gs", "GOOGLE_BASE_URL"), ("az", "AZURE_STORAGE_ENDPOINT")]:
        for endpoint in ["garbage", "http://a b", "http://storage.example.com"]:
            env = world.environments[scheme] | {name: endpoint}
            refused = world.run("info", f"{scheme}://tape/q1/{PART}", env=env, code=78).stderr
            assert name in refused and "panicked" not in refused, refused
    wrong = base64.b64encode(b"another key of 32 bytes, or more").decode()
    denied = world.run("info", f"az://tape/q1/{PART}", env=azure_environment(world.ports["az"], wrong), code=78).stderr
    assert "access denied" in denied and wrong not in denied, denied
    with contextlib.closing(Proxy(1)) as nobody:
        unreachable = world.run("info", f"s3://tape/q1/{PART}", env=s3_environment(nobody.port), code=69).stderr
        assert f"s3://tape/q1/{PART}" in unreachable, unreachable


def a_bad_network_changes_nothing(world):
    """Delays, connections that are refused, and answers that are cut off."""
    url = f"s3://tape/q1/{PART}"
    expected = world.run("cat", url, env=world.environments["s3"]).stdout
    with world.proxied(latency_s=0.03) as (proxy, env):
        assert world.run("cat", url, env=env).stdout == expected
        assert proxy.requests >= 3
    with world.proxied(cut_bytes=1_000_000) as (proxy, env):
        world.run("verify", DAY, env=env)
        assert proxy.cut > 0, "nothing was cut"
    with world.proxied(refuse=2) as (proxy, env):
        world.run("dataset", "verify", "s3://tape/q1", env=env)
        assert proxy.refused > 0, "nothing was refused"
        world.run("dataset", "record", "s3://tape/bad-network", *DATASET, env=env)
        world.run("dataset", "seal", "s3://tape/bad-network", env=env)


def latency_is_hidden(world):
    """A day of a million messages: as many ranges are on their way at a time as a reader may request ahead, and one that it waits
    for. Time is printed only, because it depends on the load of the machine: from 100 ms away, more than forty round trips in a row
    would take four seconds."""
    world.run("dataset", "record", "s3://tape/day", "--dates", "2026-02-18", "--seeds", "1", "--symbols", "50", env=world.environments["s3"])

    def seconds(env):
        start = time.monotonic()
        world.run("verify", DAY, env=env)
        return time.monotonic() - start

    seconds(world.environments["s3"])
    here = min(seconds(world.environments["s3"]) for _ in range(2))
    with world.proxied(latency_s=0.1) as (proxy, env):
        there = min(seconds(env) for _ in range(2))
        assert replayed(world, DAY, env) == json.loads(world.run("info", DAY, "--json", env=env).stdout)["digest"]
    print(f"  verify: {here:.2f} s from this machine, {there:.2f} s from 100 ms away", flush=True)

    # the numbers are those of archive-format/src/read/ahead.rs; state frames of this day have a few kilobytes, its four row groups 2 MB
    frames = Gate(1 + 16, lambda _offset, length: 1_000 < length < 100_000)
    # one is requested ahead of the first, two of the second
    groups = Gate(1 + 2, lambda offset, length: length > 1_000_000 and offset > 1_000_000)
    for what, gate in [("state frames", frames), ("row groups", groups)]:
        with world.proxied(gate=gate) as (_, env):
            world.run("verify", DAY, env=env)
        assert gate.is_full, f"{gate.waiting} {what} are requested at a time, expected {gate.count}"


def a_replaced_object_is_an_error(world):
    """An object that is replaced or deleted under a reader ends the reader, with the object named."""
    key = DAY.removeprefix("s3://tape/")
    client = world.client()
    whole = client.get_object(Bucket="tape", Key=key)["Body"].read()
    other = (world.lake / PART).read_bytes()

    def replaced_at(request, action):
        client.put_object(Bucket="tape", Key="changing.parquet", Body=whole)
        with world.proxied() as (proxy, env):
            def on_request(number, _line):
                if number == request:
                    action()
            proxy.on_request = on_request
            done = world.run("verify", "s3://tape/changing.parquet", env=env, code=65)
        assert "cannot read s3://tape/changing.parquet: the object was replaced or deleted" in done.stderr, done.stderr

    # the first is HEAD, then tail and head at once, then row groups
    for request in (2, 4):
        replaced_at(request, lambda: client.put_object(Bucket="tape", Key="changing.parquet", Body=other))
        replaced_at(request, lambda: client.delete_object(Bucket="tape", Key="changing.parquet"))
        # as long as it was, and with the same beginning and end: only the tag tells
        same_length = whole[:100] + bytes(1000) + whole[1100:]
        replaced_at(request, lambda: client.put_object(Bucket="tape", Key="changing.parquet", Body=same_length))
    # damage that a version has had from the beginning is damage
    client.put_object(Bucket="tape", Key="damaged.parquet", Body=whole[:100_000] + bytes(1000) + whole[101_000:])
    damaged = world.run("verify", "s3://tape/damaged.parquet", env=world.environments["s3"], code=65)
    assert "s3://tape/damaged.parquet is damaged in row group 0" in damaged.stderr, damaged.stderr


def a_killed_writer_leaves_nothing(world):
    """kill -9 while a part is uploaded in pieces: no reader sees it, and the next run completes the dataset."""
    root, prefix = "s3://tape/killed", "killed/"
    arguments = ["dataset", "record", root, "--dates", "2026-02-18", "--seeds", "1", "--rate", "30"]
    began = threading.Event()
    with world.proxied(latency_s=0.3) as (proxy, env):
        proxy.on_request = lambda _number, line: "partNumber=" in line and began.set()
        writer = subprocess.Popen([world.tradesim, *arguments], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert began.wait(120), "the upload has not begun"
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    assert world.objects(prefix) == ["killed/_tradesim/recipe.json"]
    uploads = world.client().list_multipart_uploads(Bucket="tape").get("Uploads", [])
    assert any(upload["Key"].startswith(prefix) for upload in uploads), "it was killed too late"
    env = world.environments["s3"]
    missing = world.run("dataset", "seal", root, env=env, code=3)
    assert "part-000-of-001.parquet is missing" in missing.stderr
    world.run(*arguments, env=env)
    world.run("dataset", "seal", root, env=env)
    world.run("dataset", "verify", root, env=env)


def one_of_two_recipes_wins(world):
    """Workers with different options that begin at the same time: one recipe, and the others are refused."""
    for scheme, env in world.environments.items():
        root = f"{scheme}://tape/contested"
        options = ["--dates", "2026-11-27", "--parts", "1", "--rate", "1", "--symbols", "2"]
        workers = [
            subprocess.Popen(
                [world.tradesim, "dataset", "record", root, "--seeds", str(seed), *options],
                env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            for seed in range(4)
        ]
        codes = sorted(worker.wait(60) for worker in workers)
        assert codes == [0, 73, 73, 73], f"{scheme}: {codes}"
        world.run("dataset", "seal", root, env=env)


CHECKS = [
    a_dataset_is_the_same_everywhere,
    every_command_reads_objects,
    a_load_reads_an_object,
    errors_name_the_object,
    latency_is_hidden,
    a_bad_network_changes_nothing,
    a_replaced_object_is_an_error,
    a_killed_writer_leaves_nothing,
    one_of_two_recipes_wins,
]


def make_buckets(ports):
    """Makes the bucket `tape` in each service, without the program."""
    make_bucket(ports["s3"])
    make_container(ports["az"])


def make_bucket(port):
    url = f"http://127.0.0.1:{port}"
    client = boto3.client("s3", endpoint_url=url, aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
    client.create_bucket(Bucket="tape")


def make_container(port):
    """Creates a container of Azurite with a request that is signed here (Shared Key)."""
    import hashlib
    import hmac
    from email.utils import formatdate

    account, path = "devstoreaccount1", "/devstoreaccount1/tape"
    date, version = formatdate(usegmt=True), "2023-11-03"
    text = "PUT\n" + "\n" * 11 + f"x-ms-date:{date}\nx-ms-version:{version}\n/{account}{path}\nrestype:container"
    key = hmac.new(base64.b64decode(AZURITE_KEY), text.encode(), hashlib.sha256)
    headers = {
        "x-ms-date": date,
        "x-ms-version": version,
        "Content-Length": "0",
        "Authorization": f"SharedKey {account}:{base64.b64encode(key.digest()).decode()}",
    }
    url = f"http://127.0.0.1:{port}{path}?restype=container"
    urllib.request.urlopen(urllib.request.Request(url, method="PUT", headers=headers), timeout=10).close()


def main():
    os.environ["NO_PROXY"] = "*"
    tradesim, node, *names = sys.argv[1:]
    chosen = [check for check in CHECKS if not names or check.__name__ in names]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        folder = Path(folder)
        # a killed writer leaves a folder here
        os.environ["TMPDIR"] = str(folder)
        ports = {"s3": stack.enter_context(s3(folder)), "az": stack.enter_context(azure(folder, Path(node)))}
        # a server of its own, so that the objects of the two services are not the same
        behind = stack.enter_context(s3(folder))
        ports["gs"] = stack.enter_context(gcs(folder, behind))
        make_bucket(behind)
        make_buckets(ports)
        world = World(str(Path(tradesim).resolve()), folder, ports)
        failed = 0
        for check in chosen:
            start = time.monotonic()
            try:
                check(world)
                print(f"ok {check.__name__} ({time.monotonic() - start:.1f} s)", flush=True)
            except Exception as error:  # the others may still say something
                failed += 1
                print(f"FAILED {check.__name__}: {error}", flush=True)
        print(f"{len(chosen) - failed} passed, {failed} failed")
        sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
