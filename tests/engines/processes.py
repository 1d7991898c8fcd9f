"""Runs the program of an engine to its end."""

import os
import subprocess

from harness import Failure

# an engine that hangs ends the run; on a machine that is busy they take minutes
SECONDS_MAX = 900


def finish(name, command, folder, environment=None):
    """Returns the standard output of a program that must succeed."""
    code, output, errors = run_to_end(name, command, folder, environment)
    if code != 0:
        raise Failure(f"{name}: exit code {code}\n{output[-2000:]}\n{errors[-4000:]}")
    return output


def run_to_end(name, command, folder, environment=None):
    """Returns exit code, standard output and standard error. Both texts stay in the folder."""
    texts = {stream: folder / f"{name}.{stream}" for stream in ("stdout", "stderr")}
    with open(texts["stdout"], "wb") as output, open(texts["stderr"], "wb") as errors:
        try:
            done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output, stderr=errors, check=False,
                                  cwd=folder, env={**os.environ, **(environment or {})}, timeout=SECONDS_MAX)
        except subprocess.TimeoutExpired as error:
            raise Failure(f"{name} still runs after {SECONDS_MAX} s; what it wrote is in {folder}") from error
    return done.returncode, *(text.read_text(encoding="utf-8", errors="replace") for text in texts.values())
