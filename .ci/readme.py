#!/usr/bin/env python3
"""Runs every command of README.md and docs/guide, as a new user would: first the README, then the pages in the order in which it
links them. A page that it does not link fails the run.

Commands are the lines that begin with `$ ` in blocks marked `console`; blocks marked `python` and `javascript` are run too,
with the given interpreter and with Node. All pages run in the same new folder, with the release build as `tradesim`.
A server (`tradesim replay`, `view`, `serve` or `bridge`) runs beside the commands that follow it in its block, as in a second
terminal, and must end when they have. Code that connects to a server gets one: a replay of the recording that its
page replays. An exit code other than 0 fails the run, and so does a digest on a page that the command before it did not print.
"""

import atexit
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FEATURES = re.search("RELEASE_FEATURES='(.*)'", (ROOT / ".ci" / "release-features").read_text())[1]
# outside the checkout, Cargo does not find its settings
CARGO = f"cargo --config {ROOT}/.cargo/config.toml"
# .ci/run, which calls this, runs the test command itself
SKIPPED = re.compile(r"^(cargo test|\.ci/run|git clone|cd )")
SERVER = re.compile(r"^tradesim (replay|view|serve|bridge)\b")
STOP = re.compile(r"^tradesim control \S+ stop$")
READY = re.compile(r"listening on|metrics on|http://127\.0\.0\.1:\d+/")
SERVER_SECONDS = 60
DIGEST = re.compile(r"blake3:[0-9a-f]{64}")


def linked_pages():
    """Returns the README and the pages of the guide, in the order of the README's links."""
    readme = ROOT / "README.md"
    links = re.findall(r"\]\((docs/guide/[\w-]+\.md)\)", readme.read_text())
    pages = [ROOT / link for link in dict.fromkeys(links)]
    missing = set((ROOT / "docs" / "guide").glob("*.md")) - set(pages)
    if missing:
        sys.exit(f"README: no link to {', '.join(sorted(page.name for page in missing))}")
    return [readme, *pages]


def blocks(text):
    for match in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.M | re.S):
        yield match.group(1), match.group(2)


def run(command, folder, env, shell=True):
    print(f"$ {command if shell else command[-1][:60]}", flush=True)
    done = subprocess.run(
        command, shell=shell, cwd=folder, env=env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, executable="/bin/bash" if shell else None,
    )
    if done.returncode != 0:
        print(done.stdout)
        sys.exit(f"README or guide: exit code {done.returncode}: {command}")
    return done.stdout


class Server:
    """A command that runs until those beside it have made it end."""

    def __init__(self, command, folder, env):
        print(f"$ {command}", flush=True)
        self.command = command
        self.output = open(Path(folder) / f".output-{time.monotonic_ns()}", "w+")
        self.process = subprocess.Popen(
            command, shell=True, cwd=folder, env=env, stdout=self.output, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, executable="/bin/bash", start_new_session=True,
        )
        # a failed run must not leave its server to the next one
        atexit.register(self.kill)
        deadline = time.monotonic() + SERVER_SECONDS
        while not READY.search(self.text()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.fail("did not begin to listen")
            time.sleep(0.05)

    def text(self):
        return Path(self.output.name).read_text()

    def kill(self):
        if self.process.poll() is None:
            # the shell and its command
            os.killpg(self.process.pid, signal.SIGKILL)

    def fail(self, what):
        self.kill()
        print(self.text())
        sys.exit(f"README or guide: {what}: {self.command}")

    def finish(self):
        try:
            code = self.process.wait(SERVER_SECONDS)
        except subprocess.TimeoutExpired:
            self.fail(f"still runs after {SERVER_SECONDS} s")
        if code != 0:
            self.fail(f"exit code {code}")
        return self.text()


def main():
    python = sys.argv[1] if len(sys.argv) > 1 else sys.executable
    pages = linked_pages()
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        env = dict(os.environ)
        env["PATH"] = f"{ROOT / 'target' / 'release'}:{Path(python).parent}:{env['PATH']}"
        # the module of the wheel, from its source
        env["PYTHONPATH"] = str(ROOT / "python")
        # the packages of the JavaScript examples
        (Path(folder) / "node_modules").symlink_to(ROOT / "target" / "ci-node" / "node_modules")
        # `cargo run` builds in the checkout, and leaves its archive in the working folder. The features are those of .ci/run, whose
        # build it finds
        env["CARGO_TARGET_DIR"] = str(ROOT / "target")
        env["CARGO_MANIFEST_PATH"] = str(ROOT / "Cargo.toml")
        for text, kind, block in ((text, *block) for text in map(Path.read_text, pages) for block in blocks(text)):
            if kind == "console":
                output = ""
                servers = []
                for line in block.splitlines():
                    if line.startswith("$ "):
                        command = line[2:]
                        if SKIPPED.match(command):
                            output = None
                            continue
                        command = re.sub(r"^cargo run ", f"{CARGO} run --manifest-path {ROOT}/Cargo.toml --features {FEATURES} ", command)
                        if SERVER.match(command):
                            servers.append(Server(command, folder, env))
                        else:
                            output = run(command, folder, env)
                            if STOP.match(command):
                                # the server in the other terminal has ended
                                while servers:
                                    servers.pop().finish()
                        count += 1
                    elif output is not None:
                        for digest in DIGEST.findall(line):
                            if digest not in output:
                                sys.exit(f"README or guide: {digest} is not what its command printed:\n{output}")
                for server in servers:
                    server.finish()
            elif kind in ("python", "javascript"):
                server = None
                if "ws://127.0.0.1:8765" in block:
                    recording = re.search(r"^\$ tradesim replay (\S+)", text, re.M).group(1)
                    server = Server(f"tradesim replay {recording} --speed max", folder, env)
                script = [python, "-c", block] if kind == "python" else ["node", "--input-type=module", "-e", block]
                run(script, folder, env, shell=False)
                if server:
                    server.finish()
                count += 1
    print(f"README and {len(pages) - 1} pages of the guide: {count} commands passed")
    if count == 0:
        sys.exit("README: no command found")


main()
