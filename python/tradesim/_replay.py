"""A replay as a context manager."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import IO, Any, Union

from tradesim._binary import StrPath, TradesimError, find_binary, flags

_LISTENING = "listening on "
# More than a start ever takes; a program that cannot listen ends at once.
_START_SECONDS = 60.0
# After SIGTERM the program closes its clients and ends. After this long it is killed.
_STOP_SECONDS = 30.0
# Of standard error, for messages of exceptions.
_KEPT_LINES = 200
# Stopped by SIGTERM before everything was delivered.
_STOPPED = 143


class Replay:
    """A running server that replays recordings. `replay` makes one; use it in a `with` statement."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)
        self._stderr: deque[str] = deque(maxlen=_KEPT_LINES)
        self._stdout = ""
        self._stopped = False
        self._listening = threading.Event()
        #: The address, such as `ws://127.0.0.1:40123`. A path with a query selects messages: `f"{url}/?symbols=AAPL"`.
        self.url = ""
        #: The report of the replay, once it has ended: `sent`, `digest`, `complete` and more.
        self.report: dict[str, Any] | None = None
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
        # both pipes are read all the time, so that the program never waits for a reader
        self._readers = [
            threading.Thread(target=self._read_stderr, args=(self._process.stderr,), daemon=True),
            threading.Thread(target=self._read_stdout, args=(self._process.stdout,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        if not self._listening.wait(_START_SECONDS) or not self.url:
            self._kill()
            raise self._error()

    def _read_stderr(self, pipe: IO[str]) -> None:
        for line in pipe:
            self._stderr.append(line)
            if line.startswith(_LISTENING) and not self.url:
                self.url = line.split()[-1]
                self._listening.set()
        # the program ended, perhaps before it listened
        self._listening.set()

    def _read_stdout(self, pipe: IO[str]) -> None:
        self._stdout = pipe.read()

    def _kill(self) -> None:
        self._process.kill()
        self._finish()

    def _finish(self) -> int:
        code = self._process.wait()
        for reader in self._readers:
            reader.join()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        try:
            self.report = json.loads(self._stdout)
        except ValueError:
            self.report = None
        return code

    def _error(self) -> TradesimError:
        return TradesimError(self._command, self._process.returncode, "".join(self._stderr))

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._process.pid

    def wait(self, timeout: float | None = None) -> dict[str, Any]:
        """Waits until the recording is delivered and the server has ended, and returns its report.

        Raises subprocess.TimeoutExpired if the server still runs after `timeout` seconds, and TradesimError if it failed.
        """
        self._process.wait(timeout)
        code = self._finish()
        if code != 0 or self.report is None:
            raise self._error()
        return self.report

    def stop(self) -> None:
        """Ends the server with SIGTERM, and does nothing if it has ended already.

        Raises TradesimError if the server failed, or did not end within 30 seconds.
        """
        if self._process.poll() is None:
            self._stopped = True
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._kill()
                raise self._error() from None
        code = self._finish()
        # a server whose recording is delivered ends with 0, whenever the signal comes
        if code != 0 and not (self._stopped and code == _STOPPED):
            raise self._error()

    def __enter__(self) -> Replay:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.stop()
        except TradesimError:
            # the exception of the block says more
            if exception_type is None:
                raise

    def __repr__(self) -> str:
        return f"Replay({self.url!r})"


def replay(
    path: Union[StrPath, Sequence[StrPath]],
    *,
    speed: Union[str, float] = "1x",
    port: int = 0,
    **options: Any,
) -> Replay:
    """Starts a server that replays an archive, or several one after the other, and returns when it listens.

    Time starts with the first client. `speed` is a factor such as `50`, a text such as `"50x"`, or `"max"`. Port 0 picks a free one. Other
    keyword arguments are the options of `tradesim replay`: `stay=True`, `wait_clients=2`, `symbols=["AAPL"]`, `faults="plan.toml"`.

        with tradesim.replay("day.parquet", speed="max") as replay:
            consume(replay.url)

    Leaving the block stops the server. Raises TradesimError if it cannot start.
    """
    paths: Sequence[StrPath] = [path] if isinstance(path, (str, os.PathLike)) else path
    factor = speed if isinstance(speed, str) else f"{speed:g}x"
    words = flags({"speed": factor, "port": port, **options})
    command = [find_binary(), "replay", "--json", "--no-env", *words, "--", *(os.fspath(item) for item in paths)]
    return Replay(command)
