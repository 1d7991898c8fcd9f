"""Record, replay and analyse market data streams with the `tradesim` program.

    import tradesim

    day = tradesim.record("2026-02-18", seed=42, output="day.parquet")
    print(day.digest)
    executions = day.polars().filter(status="FILLED").collect()

    with tradesim.replay(day, speed="max") as replay:
        consume(replay.url)

The module starts the program of the same Python environment, or the first `tradesim` in PATH. It passes `--no-env`, so settings in
the environment or in a `.env` file never change a result.
"""

from tradesim._binary import TradesimError, find_binary, run
from tradesim._recording import MissingPackageError, Recording, open, record
from tradesim._replay import Replay, replay

__all__ = [
    "MissingPackageError",
    "Recording",
    "Replay",
    "TradesimError",
    "find_binary",
    "open",
    "record",
    "replay",
    "run",
]
