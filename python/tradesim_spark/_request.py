"""What a user asks for: the options of the data source, and the plan of the program for them."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from tradesim._binary import StrPath, flags, run

# Options of the data source. All others are options of `tradesim dataset record`.
_OURS = frozenset({"path", "binary", "threads", "seal", "only_symbols", "push_filters"})
# Options of the program that the data source sets, or that would change what it prints or reads.
_REFUSED = frozenset({"shard", "json", "no-env", "env-file", "help", "version"})
_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
# The options of the program that may be given more than once.
_REPEATED = frozenset({"burst-at"})
# A worker without a unit: the largest number of workers, and more than the units of almost any dataset. It checks all options and writes the
# recipe, in some milliseconds.
_NO_UNITS = "999999/1000000"


@dataclass(frozen=True)
class Request:
    """The options of one table or dataset, the same for driver and executors."""

    #: The options for `tradesim dataset record`, such as `--rate=10`, without ROOT and share.
    words: tuple[str, ...]
    #: The folder of the dataset. None for a table that is only read.
    root: str | None
    #: The path of the program on driver and executors. None for the one that the package finds.
    binary: str | None
    #: The number of threads of one task.
    threads: int
    #: True if a write seals the dataset at its end.
    seal: bool
    #: The symbols of a table that is read. None for all.
    only_symbols: frozenset[str] | None
    #: True if filters of a query decide what is simulated.
    push_filters: bool

    @staticmethod
    def of(options: Mapping[str, str]) -> Request:
        """Translates options of Spark, whose names have no case and whose values are texts.

        Raises ValueError for a name or a value that is not valid. The program checks the values of its own options.
        """
        ours = {name.lower(): value for name, value in options.items()}
        for needed in ("dates", "seeds"):
            if not ours.get(needed):
                raise ValueError(f"the option `{needed}` is missing: expected for example dates='2026-02-17..2026-02-18', seeds='1..3'")
        words = [word for name, value in ours.items() if name not in _OURS for word in _words(name, value)]
        threads = ours.get("threads", "1")
        if not threads.isascii() or not threads.isdigit() or int(threads) < 1:
            raise ValueError(f"invalid option threads={threads!r}: expected a number from 1")
        only = ours.get("only_symbols")
        return Request(
            tuple(words),
            ours.get("path"),
            ours.get("binary"),
            int(threads),
            _is_true("seal", ours.get("seal", "true")),
            None if only is None else frozenset(only.split(",")),
            _is_true("push_filters", ours.get("push_filters", "false")),
        )

    def record(self, root: StrPath, words: tuple[str, ...], share: str) -> list[dict[str, Any]]:
        """Records a share of a dataset, and returns the program's report on each unit.

        `words` are the options, `share` is worker I of N, such as `3/16`. Raises TradesimError if the program fails.
        """
        threads = f"--threads={self.threads}"
        printed = run("dataset", "record", "--no-env", "--json", threads, *words, f"--shard={share}", "--", root, binary=self.binary)
        reports = [json.loads(line) for line in printed.splitlines()]
        # the last line is the summary of all
        return reports[:-1]

    def plan(self) -> Plan:
        """Returns what the program makes of the options: a dry run on the driver.

        Raises TradesimError, with exit code 2 for options that are not valid.
        """
        with tempfile.TemporaryDirectory(prefix="tradesim-plan-") as folder:
            self.record(folder, self.words, _NO_UNITS)
            recipe = json.loads(Path(folder, "_tradesim", "recipe.json").read_text(encoding="utf-8"))
        return Plan(
            tuple(date.fromisoformat(day) for day in recipe["dates"]),
            tuple(recipe["seeds"]),
            tuple(tuple(symbols) for symbols in recipe["ranges"]),
        )

    def claim(self, root: str) -> None:
        """Writes the recipe into the folder of the dataset, or compares it with the one there.

        Raises TradesimError, with exit code 73 if the folder contains another dataset. Without this, every executor would find that out, and
        Spark would start each of them four times.
        """
        self.record(root, self.words, _NO_UNITS)

    def words_of_day(self, day: date, seed: int) -> tuple[str, ...]:
        """Returns the options with this date and seed instead of all."""
        kept = [word for word in self.words if not word.startswith(("--dates=", "--seeds="))]
        return (*kept, f"--dates={day.isoformat()}", f"--seeds={seed}")


@dataclass(frozen=True)
class Plan:
    """The units of a dataset: each part of each day, in the order of the program."""

    dates: tuple[date, ...]
    seeds: tuple[int, ...]
    #: The symbols of each part.
    ranges: tuple[tuple[str, ...], ...]

    def symbols(self) -> frozenset[str]:
        """Returns all symbols."""
        return frozenset(symbol for part in self.ranges for symbol in part)

    def __len__(self) -> int:
        """Returns the number of units."""
        return len(self.dates) * len(self.seeds) * len(self.ranges)

    def share(self, day: date, seed: int, part: int) -> str:
        """Returns the share of the worker that has only this unit.

        Raises ValueError if the dataset has no such unit.
        """
        if day not in self.dates or seed not in self.seeds or not 0 <= part < len(self.ranges):
            raise ValueError(f"the dataset has no unit date={day} seed={seed} part={part}")
        number = (self.dates.index(day) * len(self.seeds) + self.seeds.index(seed)) * len(self.ranges) + part
        return f"{number}/{len(self)}"


def _words(name: str, value: str) -> list[str]:
    if not _NAME.fullmatch(name):
        raise ValueError(f"invalid option {name!r}: expected the name of an option of `tradesim dataset record`, such as rate")
    option = name.replace("_", "-")
    if option in _REFUSED:
        raise ValueError(f"invalid option {name!r}: the data source sets it")
    if option == "market-hours":
        return flags({option: value})
    if option in _REPEATED:
        return flags({option: [part for part in value.split(",") if part]})
    if value in ("true", "false"):
        return flags({option: value == "true"})
    return flags({option: value})


def _is_true(name: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise ValueError(f"invalid option {name}={value!r}: expected true or false")
    return value.lower() == "true"
