"""Servers with the protocols of the three services, on free ports of the loopback interface."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

BIN = Path(sys.executable).parent
# the public key of every Azurite, in its documentation
AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextlib.contextmanager
def running(command, port, log):
    """Starts a server, waits until it accepts connections, and ends it."""
    with open(log, "wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{command[0]} does not start:\n{Path(log).read_text(errors='replace')}")
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def s3(folder):
    port = free_port()
    return running([str(BIN / "moto_server"), "-H", "127.0.0.1", "-p", str(port)], port, folder / "s3.log")


def gcs(folder, s3_port):
    port = free_port()
    command = [sys.executable, str(Path(__file__).with_name("gcs.py")), str(port), str(s3_port)]
    return running(command, port, folder / "gcs.log")


def azure(folder, node):
    port = free_port()
    command = [str(node / "node_modules/.bin/azurite-blob"), "--inMemoryPersistence", "--silent", "--disableTelemetry"]
    command += ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--skipApiVersionCheck"]
    return running(command, port, folder / "azure.log")


def environment(**variables):
    """The environment of a program without the machine's own settings of any service."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GOOGLE_", "AZURE_", "GCE_"))}
    return own | {"NO_PROXY": "*"} | variables


def s3_environment(port, secret="verysecret-s3"):
    return environment(
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}",
        AWS_ACCESS_KEY_ID="AKIATEST",
        AWS_SECRET_ACCESS_KEY=secret,
        AWS_REGION="us-east-1",
    )


def gcs_environment(port):
    return environment(GOOGLE_BASE_URL=f"http://127.0.0.1:{port}", GOOGLE_SKIP_SIGNATURE="true")


def azure_environment(port, key=AZURITE_KEY):
    return environment(
        AZURE_STORAGE_ACCOUNT_NAME=AZURITE_ACCOUNT,
        AZURE_STORAGE_ACCOUNT_KEY=key,
        AZURE_STORAGE_ENDPOINT=f"http://127.0.0.1:{port}/{AZURITE_ACCOUNT}",
    )
