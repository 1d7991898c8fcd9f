"""Fixtures for tests of programs that consume market data.

| fixture | scope | value |
| --- | --- | --- |
| `tradesim_record` | session | a function like `tradesim.record` that records into a folder of the test session, the same arguments only once |
| `tradesim_recording` | session | the recording that the ini option `tradesim_recording` names; override the fixture to use another one |
| `tradesim_replay` | test | a replay of `tradesim_recording` as fast as its client reads: `tradesim_replay.url` |

The marker `tradesim` changes the options of `tradesim_replay` for one test: `@pytest.mark.tradesim(speed="50x", symbols="AAPL")`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import tradesim

_OPTION = "tradesim_recording"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(_OPTION, "archive that the fixture tradesim_recording opens, relative to the folder of the ini file")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "tradesim(**options): options of `tradesim replay` for the fixture tradesim_replay")


@pytest.fixture(scope="session")
def tradesim_record(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tradesim.Recording]:
    """Returns a function that takes what `tradesim.record` takes, `output` apart, and records the same arguments only once."""
    folder = tmp_path_factory.mktemp("recordings")
    recordings: dict[str, tradesim.Recording] = {}

    def record(date: Any, seed: int, **options: Any) -> tradesim.Recording:
        key = repr((str(date), seed, sorted(options.items())))
        if key not in recordings:
            output = folder / f"{len(recordings)}.parquet"
            recordings[key] = tradesim.record(date, seed, output=output, **options)
        return recordings[key]

    return record


@pytest.fixture(scope="session")
def tradesim_recording(pytestconfig: pytest.Config) -> tradesim.Recording:
    """Returns the recording that the ini option names."""
    name = pytestconfig.getini(_OPTION)
    if not name:
        pytest.fail(
            f"no recording: set `{_OPTION} = FILE` in the configuration of pytest, or override the fixture `{_OPTION}` in conftest.py",
            pytrace=False,
        )
    folder = pytestconfig.inipath.parent if pytestconfig.inipath else pytestconfig.rootpath
    return tradesim.open(Path(folder, name))


@pytest.fixture
def tradesim_replay(request: pytest.FixtureRequest, tradesim_recording: os.PathLike[str]) -> Iterator[tradesim.Replay]:
    """Starts a server that replays the recording, and stops it after the test."""
    options: dict[str, Any] = {"speed": "max"}
    for marker in reversed(list(request.node.iter_markers("tradesim"))):
        options.update(marker.kwargs)
    with tradesim.replay(tradesim_recording, **options) as replay:
        yield replay
