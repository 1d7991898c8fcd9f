"""Finds the program, runs it, and turns failures into exceptions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Union

StrPath = Union[str, "os.PathLike[str]"]

# Takes `true` or `false`; every other option that is true or false is a flag without a value.
_WITH_TRUE_OR_FALSE = frozenset({"market-hours"})
# Given once for each value; every other option takes a list that is separated by commas.
_REPEATED = frozenset({"allow-host", "allow-origin", "burst-at"})


class TradesimError(Exception):
    """The program failed.

    `exit_code` is one of those in docs/reference/exit-codes.md: 2 is usage, 65 bad data, 73 an output that exists or cannot be created.
    A negative number is the signal that ended the program.
    """

    def __init__(self, command: Sequence[str], exit_code: int, stderr: str) -> None:
        self.command = list(command)
        self.exit_code = exit_code
        self.stderr = stderr
        super().__init__(command, exit_code, stderr)

    def __str__(self) -> str:
        lines = self.stderr.strip().splitlines()
        start = next((at for at, line in enumerate(lines) if line.startswith("error: ")), None)
        reason = "\n".join(lines[start:] if start is not None else lines[-5:])
        return f"`{' '.join(self.command)}` ended with exit code {self.exit_code}: {reason}"


def find_binary() -> str:
    """Returns the path of the program: the one of this Python environment, or the first `tradesim` in PATH.

    Raises FileNotFoundError if there is none.
    """
    name = "tradesim.exe" if os.name == "nt" else "tradesim"
    schemes = [sysconfig.get_path("scripts")]
    user_scheme = f"{os.name}_user"
    if user_scheme in sysconfig.get_scheme_names():
        schemes.append(sysconfig.get_path("scripts", scheme=user_scheme))
    for folder in schemes:
        candidate = Path(folder, name)
        if candidate.is_file():
            return str(candidate)
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(
            f"no program `{name}` in {schemes[0]} or PATH: install the wheel `tradesim-market`, or put `tradesim` in PATH"
        )
    return found


def flags(options: Mapping[str, Any]) -> list[str]:
    """Translates keyword arguments into options of the command line.

    `burst_for="30s"` becomes `--burst-for 30s`, and `from_="09:30"` becomes `--from 09:30`. True is an option without a value. None and
    False leave an option out. A list becomes one value separated by commas, or one option for each value where the program expects
    that.
    """
    words: list[str] = []
    for name, value in options.items():
        option = name.rstrip("_").replace("_", "-")
        if option in _WITH_TRUE_OR_FALSE and isinstance(value, bool):
            value = str(value).lower()
        if value is None or value is False:
            continue
        if value is True:
            words.append(f"--{option}")
        elif isinstance(value, Iterable) and not isinstance(value, (str, bytes, os.PathLike)):
            values = [str(item) for item in value]
            if option not in _REPEATED:
                values = [",".join(values)]
            words.extend(f"--{option}={item}" for item in values)
        else:
            words.append(f"--{option}={os.fspath(value) if isinstance(value, os.PathLike) else value}")
    return words


def run(*arguments: StrPath, binary: StrPath | None = None) -> str:
    """Runs the program to its end and returns its standard output.

    `binary` is the path of the program, instead of the one that `find_binary` returns. Raises TradesimError if the exit code is not 0.
    `--no-env` is not added here.
    """
    command = [os.fspath(binary) if binary is not None else find_binary(), *(os.fspath(argument) for argument in arguments)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode != 0:
        raise TradesimError(command, done.returncode, done.stderr)
    return done.stdout
