"""Processes that outlive the command that started them, known by a file and told from strangers.

Each node leads a process group of its own. Its file holds the PID and the instant at which that process began, in ticks since
boot: a PID that was given to another process meanwhile has another instant, and is left alone. Needs `/proc`, so Linux.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

from errors import ClusterError

STOP_SECONDS_MAX = 40
POLL_SECONDS = 0.05


class Process:
    """One node's process: `up`, `frozen` or `down`."""

    def __init__(self, pid_file, log_file):
        self.pid_file = Path(pid_file)
        self.log_file = Path(log_file)

    def start(self, command):
        """Starts it with both outputs in the log. The log of an earlier life stays."""
        with open(self.log_file, "ab") as log:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        stat = _stat(child.pid)
        if stat is None:
            raise ClusterError(f"{command[0]} ended at once; see {self.log_file}")
        partial = self.pid_file.with_suffix(".partial")
        partial.write_text(f"{child.pid} {stat['began']}\n", encoding="utf-8")
        os.rename(partial, self.pid_file)

    def pid(self):
        """The PID while the process runs, else None."""
        try:
            pid, began = (int(word) for word in self.pid_file.read_text(encoding="utf-8").split())
        except (FileNotFoundError, ValueError):
            return None
        stat = _stat(pid)
        if stat is None or stat["began"] != began or stat["state"] in "ZX":
            return None
        return pid

    def state(self):
        pid = self.pid()
        stat = _stat(pid) if pid else None
        if stat is None:
            return "down"
        return "frozen" if stat["state"] == "T" else "up"

    def send(self, number):
        """Sends a signal to the process and its children. False if it does not run."""
        pid = self.pid()
        if pid is None:
            return False
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            return False
        return True

    def kill(self):
        """SIGKILL, and gone when this returns."""
        running = self.send(signal.SIGKILL)
        self._wait_until_gone(10)
        return running

    def stop(self):
        """SIGTERM, and gone when this returns. A frozen process is thawed, or it would never hear it."""
        running = self.send(signal.SIGTERM)
        self.send(signal.SIGCONT)
        self._wait_until_gone(STOP_SECONDS_MAX)
        return running

    def resident_bytes(self):
        """Memory of the process and its children."""
        leader = self.pid()
        total = 0
        for folder in Path("/proc").iterdir() if leader else ():
            stat = _stat(int(folder.name)) if folder.name.isdigit() else None
            if stat and stat["group"] == leader:
                total += stat["resident_pages"] * os.sysconf("SC_PAGE_SIZE")
        return total

    def _wait_until_gone(self, seconds):
        pid = self.pid()
        end = time.monotonic() + seconds
        while pid is not None and (self.pid() is not None or _group_lives(pid)):
            if time.monotonic() > end:
                raise ClusterError(f"process {pid} still runs {seconds} s after the signal; see {self.log_file}")
            time.sleep(POLL_SECONDS)


def _group_lives(leader):
    for folder in Path("/proc").iterdir():
        stat = _stat(int(folder.name)) if folder.name.isdigit() else None
        if stat and stat["group"] == leader and stat["state"] not in "ZX":
            return True
    return False


def _stat(pid):
    """Fields of /proc/PID/stat (proc(5)), or None without such a process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # the name stands in brackets and may hold blanks and brackets itself
    fields = text.rpartition(")")[2].split()
    return {"state": fields[0], "group": int(fields[2]), "began": int(fields[19]), "resident_pages": int(fields[21])}
