"""Embedded brokers and an embedded registry of a program, as processes of their own, for the scripts beside this one."""

import contextlib
import subprocess
import sys


@contextlib.contextmanager
def stand_ins(program, folder):
    """Starts both, and registers the schemas. Gives the options of commands that use them."""
    with contextlib.ExitStack() as stack:
        servers, registry = (started(stack, program, folder, *arguments) for arguments in (("broker",), ("registry", "--port", "0")))
        checked(program, folder, "schemas", "register", "--schema-registry-url", registry)
        yield ["--bootstrap-servers", servers, "--schema-registry-url", registry]


def started(stack, program, folder, *arguments):
    """Returns the address that a stand-in prints."""
    process = subprocess.Popen([program, "dev", *arguments, "--no-env"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=folder)
    stack.callback(process.wait)
    stack.callback(process.kill)
    return process.stdout.readline().strip()


def checked(program, folder, *arguments):
    """Runs a command to its end. Returns what it wrote to both outputs."""
    done = subprocess.run([program, *map(str, arguments), "--no-env"], capture_output=True, text=True, cwd=folder)
    if done.returncode != 0:
        sys.exit(f"exit code {done.returncode}: tradesim {' '.join(map(str, arguments))}\n{done.stderr[-2000:]}")
    return done.stdout, done.stderr
