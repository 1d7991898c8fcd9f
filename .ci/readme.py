#!/usr/bin/env python3
"""Runs every command of README.md, in order, as a new user would.

Commands are the lines that begin with `$ ` in blocks marked `console`; blocks marked `python` and `sql` are run too, with
the interpreter given and with DuckDB. They run in a folder of their own, in which `tradesim` is the one just built.
A command that ends with another exit code than 0 fails the run, and so does a digest in the README that the command
before it did not print.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# the README's test command is run by .ci/run itself, which this is a part of
SKIPPED = re.compile(r"^(cargo test|\.ci/run|git clone|cd )")
DIGEST = re.compile(r"blake3:[0-9a-f]{64}")


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
        sys.exit(f"README: exit code {done.returncode}: {command}")
    return done.stdout


def main():
    python = sys.argv[1] if len(sys.argv) > 1 else sys.executable
    text = (ROOT / "README.md").read_text()
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        env = dict(os.environ)
        env["PATH"] = f"{ROOT / 'target' / 'release'}:{Path(python).parent}:{env['PATH']}"
        # `cargo run` builds in the checkout, and leaves its archive in the working folder
        env["CARGO_TARGET_DIR"] = str(ROOT / "target")
        env["CARGO_MANIFEST_PATH"] = str(ROOT / "Cargo.toml")
        for kind, block in blocks(text):
            if kind == "console":
                output = ""
                for line in block.splitlines():
                    if line.startswith("$ "):
                        command = line[2:]
                        if SKIPPED.match(command):
                            output = None
                            continue
                        command = re.sub(r"^cargo run ", f"cargo run --manifest-path {ROOT}/Cargo.toml ", command)
                        output = run(command, folder, env)
                        count += 1
                    elif output is not None:
                        for digest in DIGEST.findall(line):
                            if digest not in output:
                                sys.exit(f"README: {digest} is not what its command printed:\n{output}")
            elif kind == "python":
                run([python, "-c", block], folder, env, shell=False)
                count += 1
    print(f"README: {count} commands passed")
    if count == 0:
        sys.exit("README: no command found")


main()
